"""The command line, which alone imports click: a command parses, calls a job and prints."""

COMMANDS = (
    "measure", "audit", "repair", "train", "layer", "matrix", "compare", "methods", "guide",
)  # fmt: skip
"""The commands besides the main one, `upsample`: functions, each in a module of the same name."""
