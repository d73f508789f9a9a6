"""Between the levels of a file and planes."""
