"""What commands print, and the file of results."""
