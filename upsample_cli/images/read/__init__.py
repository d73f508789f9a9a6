"""Read picture files: decode their bytes to samples."""
