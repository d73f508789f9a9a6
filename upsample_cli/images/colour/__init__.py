"""From the levels of a file to planes, and back."""
