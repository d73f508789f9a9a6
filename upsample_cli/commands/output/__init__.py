"""What commands print, and the results file."""
