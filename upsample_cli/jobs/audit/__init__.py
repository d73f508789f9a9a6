"""The exact checkerboard of kernels and network layers."""
