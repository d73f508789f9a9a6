"""Ways to upsample; no method imports another one."""
