"""The comparison of methods, side by side on a user's pictures."""
