"""The checkerboard in pictures that any tool made."""
