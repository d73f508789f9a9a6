"""The mathematics of kernels: taps, phases, banded matrices, least squares."""
