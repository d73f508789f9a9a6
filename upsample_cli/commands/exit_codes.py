"""How commands end: their exit codes, and failures as JSON."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click

from upsample_cli.errors import SettingError, UpsampleError

DONE = 0
FAILED = 1
USAGE = 2
NOTHING_DONE = 3
OVER_RIPPLE = 4
INTERRUPTED = 130
BROKEN_PIPE = 141
OUT_OF_MEMORY = "out of memory; free some, or give a smaller picture or --scale"
"""The text of an error for a MemoryError, whose own text is about an array."""


def exit_code_of(tally: Mapping[str, int], is_over: bool) -> int:
    """Return a run's exit code from counts by status and whether a ripple is over the limit."""
    if tally["failed"]:
        return FAILED
    if is_over:
        return OVER_RIPPLE
    return DONE if tally["done"] else NOTHING_DONE


def exit_code_of_error(error: Exception) -> int:
    """Return the exit code of a run that an error ends."""
    return USAGE if isinstance(error, SettingError) else FAILED


@contextmanager
def failures_as_json(as_json: bool, to_stderr: bool, line: Callable[[str], str]) -> Iterator[None]:
    """Print a failure in the `with` block as JSON too, if `as_json`, and let it end the run.

    Args:
        as_json: Whether to print JSON.
        to_stderr: Whether to print on standard error, which then has only JSON lines.
        line: Returns the line of JSON for the text of an error.
    """
    try:
        yield
    except (UpsampleError, MemoryError) as error:
        if as_json:
            text = OUT_OF_MEMORY if isinstance(error, MemoryError) else str(error)
            click.echo(line(text), err=to_stderr)
            if to_stderr:
                raise click.exceptions.Exit(exit_code_of_error(error)) from error
        raise
