"""Words for people, on standard error: ASCII, one line each."""

import sys
from typing import Any

import click


def tell(kind: str, text: str) -> None:
    """Print `kind: text` on standard error.

    Args:
        kind: "Error" or "note".
        text: Any text; line breaks become blanks, what is not ASCII is escaped.
    """
    line = f"{kind}: {' '.join(text.split())}"
    click.echo(line.encode("ascii", "backslashreplace").decode(), err=True)


def progress(quiet: bool, unit: str) -> Any:
    """Return what shows a bar for work that takes over a second; None off a terminal.

    Args:
        quiet: Whether to show none at all.
        unit: What one piece of the work is.
    """
    if quiet or not sys.stderr.isatty():
        return None
    from upsample_cli.jobs.progress import bar

    return lambda items, total: bar(items, total, unit)
