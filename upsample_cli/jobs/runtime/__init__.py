"""Process set-up, threads and progress bars."""
