"""Words for people, on standard error: ASCII, one line each."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import click


def tell(kind: str, text: str) -> None:
    """Print `kind: text` on standard error.

    Args:
        kind: "Error" or "note".
        text: Any text; line breaks become blanks, other controls and what is not ASCII escaped.
    """
    line = f"{kind}: {shown(' '.join(text.split()))}"
    with suppress(OSError):  # nobody listens any more, as after a terminal was closed
        click.echo(line.encode("ascii", "backslashreplace").decode(), err=True)


def shown(text: str) -> str:
    r"""Return a name as it can be printed in a line, with nothing in it that steers a terminal.

    >>> print(shown("red\x1b[31m\n.png"))
    red\x1b[31m\n.png
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def progress(quiet: bool, unit: str) -> Any:
    """Return what shows a bar for work that takes over a second; None off a terminal.

    Args:
        quiet: Whether to show none at all.
        unit: What one piece of the work is.
    """
    if quiet or not is_watched():
        return None
    from upsample_cli.jobs.runtime.progress import bar

    return lambda items, total: bar(items, total, unit)


def aside() -> AbstractContextManager[Any]:
    """Return a block in which lines can be printed without a bar in the way."""
    if "tqdm" not in sys.modules:  # then no bar is there
        return nullcontext()
    from upsample_cli.jobs.runtime.progress import aside as without_bar

    return without_bar()


def shown_pictures(quiet: bool, ended: Iterator[Any], total: int) -> Iterator[Any]:
    """Return the pictures of a folder as they end, with a bar on a terminal.

    Args:
        quiet: Whether to show none at all.
        ended: The pictures.
        total: How many there will be.
    """
    if quiet or not is_watched():
        return ended
    from upsample_cli.jobs.runtime.progress import pictures

    return pictures(ended, total)


def is_watched() -> bool:
    """Tell whether standard error is a terminal; it may not be open at all."""
    return sys.stderr is not None and sys.stderr.isatty()
