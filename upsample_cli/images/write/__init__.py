"""Encode samples as the bytes of a file, one module per family of formats."""
