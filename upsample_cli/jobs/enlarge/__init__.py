"""Enlarge one picture, animation or label mask, or one file of arrays."""
