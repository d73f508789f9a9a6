"""A small convolution shown as a matrix."""
