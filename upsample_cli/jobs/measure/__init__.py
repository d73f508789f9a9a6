"""Measure the checkerboard in pictures that any tool made, and remove it."""
