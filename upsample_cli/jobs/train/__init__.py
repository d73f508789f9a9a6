"""Train kernels and networks on pictures."""
