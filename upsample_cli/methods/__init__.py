"""Ways to upsample; the files of the single methods do not know each other."""
