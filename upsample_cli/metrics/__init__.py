"""Figures of pictures and kernels."""
