"""The audit and repair of kernels and network layers: their exact checkerboard."""
