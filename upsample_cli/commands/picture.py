"""One picture into one file."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from upsample_cli.commands.tables import failed_json
from upsample_cli.commands.words import progress, shown
from upsample_cli.images.target import STREAM
from upsample_cli.jobs import image
from upsample_cli.jobs.task import Report, Task

if TYPE_CHECKING:  # what few runs need is not to be waited for by the others
    from upsample_cli.images.decoding import Decoded
    from upsample_cli.images.mask import Mask
    from upsample_cli.jobs.work import Existing


def told_beforehand(source: str, to: str, task: Task) -> int:
    """Print what would be made, if it can be; return the exit code."""
    height, width = image.planned(source, to, task)
    click.echo(f"{shown(source)} -> {shown(to)}  {width}x{height}")
    return 0


def enlarged(
    source: str,
    to: str,
    task: Task,
    existing: "Existing",
    decoded: "Callable[[], Decoded | Mask] | None",
    quiet: bool,
) -> Iterator[Report]:
    """Yield the report of the picture once it is written.

    Args:
        source: A file or "-".
        to: A file or "-".
        task: What to do.
        existing: What becomes of an output that is there.
        decoded: Gives the picture; None where it may not be needed.
        quiet: Whether to show no bar.
    """
    if decoded is None:
        from upsample_cli.jobs.work import Work

        yield Work(task, os.path.dirname(to) or ".", existing)(source, to)
    else:
        yield image.upsample(source, to, task, progress(quiet, "strip"), decoded)


def recorded(reports: Iterable[Report], path: str, existing: "Existing") -> Iterator[Report]:
    """Yield reports and write them to a file of results."""
    from upsample_cli.commands.record import Record, kept  # few runs have one

    anew = existing == "replace"
    with kept(path, anew) as local:
        record = Record(local, anew, path)
        try:
            for place, report in enumerate(reports):
                record.add(place, report)
                yield report
        finally:
            record.close()


def tell_failed(source: str, to: str, method: str, error: str) -> None:
    """Print a failure as JSON, where the picture would not have gone."""
    click.echo(failed_json(source, to, method, error), err=to == STREAM)
