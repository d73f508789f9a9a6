"""Metadata: what a file says beside its pixels."""
