"""The command line; the only room that knows click. Each command parses, calls a job, prints."""

COMMANDS = ("measure", "audit", "repair", "train", "layer", "matrix", "methods")
"""Each is the function of that name in the module of that name, imported when it is called."""
