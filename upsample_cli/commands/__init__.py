"""The command line, the only room that knows click: a command parses, calls a job and prints."""

COMMANDS = ("measure", "audit", "repair", "train", "layer", "matrix", "methods", "guide")
"""The commands beside the main job: each is a function in the module of its name."""
