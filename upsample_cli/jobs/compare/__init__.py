"""Methods side by side on one's own pictures."""
