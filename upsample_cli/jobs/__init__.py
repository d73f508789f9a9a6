"""Whole pieces of work, without a screen."""
