"""Messages on standard error: ASCII, one line each; and progress bars there."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, TypeVar

import click

Picture = TypeVar("Picture")
_COLOURS = {"Error": "red", "note": "yellow"}


def tell(kind: str, text: str) -> None:
    """Print `kind: text` on standard error.

    Args:
        kind: "Error" or "note".
        text: Any text; line breaks become blanks, other controls and what is not ASCII are escaped.
    """
    line = printable(" ".join(text.split())).encode("ascii", "backslashreplace").decode()
    with suppress(OSError):  # the terminal was closed
        click.echo(f"{coloured(kind, _COLOURS.get(kind, ''))}: {line}", err=True)


def coloured(word: str, colour: str) -> str:
    """Return a word in a colour, which `click.echo` leaves out where there is no terminal.

    Source: https://no-color.org for the variable that turns colours off.
    """
    return word if os.environ.get("NO_COLOR") or not colour else click.style(word, fg=colour)


def printable(text: str) -> str:
    r"""Return a name as one line in which no character controls a terminal.

    >>> print(printable("red\x1b[31m\n.png"))
    red\x1b[31m\n.png
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def progress_bar(quiet: bool, unit: str) -> Any:
    """Return a wrapper that shows a bar for work over a second; None where no bar is wanted."""
    if quiet or not _is_terminal():
        return None
    from upsample_cli.jobs.runtime.progress import bar

    return lambda items, total: bar(items, total, unit)


def without_bars() -> AbstractContextManager[Any]:
    """Return a block in which lines are printed clear of any bar."""
    if "tqdm" not in sys.modules:  # then there is no bar
        return nullcontext()
    from upsample_cli.jobs.runtime.progress import cleared

    return cleared()


def with_picture_bar(
    quiet: bool, pictures: Iterator[Picture], total: int, has_failed: Callable[[Picture], bool]
) -> Iterator[Picture]:
    """Return the pictures of a folder as they end, with a bar on a terminal."""
    if quiet or not _is_terminal():
        return pictures
    from upsample_cli.jobs.runtime.progress import counted

    return counted(pictures, total, has_failed)


def _is_terminal() -> bool:
    """Return whether standard error is a terminal; it may be closed."""
    return sys.stderr is not None and sys.stderr.isatty()
