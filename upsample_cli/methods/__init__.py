"""Methods: the ways to upsample. No method imports another."""
