"""Kernels learned from pictures."""
