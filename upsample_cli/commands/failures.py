"""Failures that end the work on one picture or file of feature maps, as JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from upsample_cli.commands.exit_codes import exit_code_of_error
from upsample_cli.errors import UpsampleError

OUT_OF_MEMORY = "out of memory; free some, or give a smaller picture or --scale"
"""The text of an error for a MemoryError, whose own text is about an array."""


@contextmanager
def failures_as_json(as_json: bool, to_stderr: bool, line: Callable[[str], str]) -> Iterator[None]:
    """Return a context manager that also prints a failure in its block as JSON, if `as_json`.

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
