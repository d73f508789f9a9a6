"""The command line; the only room that knows click. Each command parses, calls a job, prints."""
