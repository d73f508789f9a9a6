"""One picture into one file."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from upsample_cli.commands.output.messages import printable, progress_bar
from upsample_cli.commands.output.picture_lines import failed_line
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.enlarge.task import Report, Task

if TYPE_CHECKING:  # what few runs need is not to be waited for by the others
    from upsample_cli.images.read.decode import Decoded
    from upsample_cli.images.read.label_mask import Mask
    from upsample_cli.jobs.batch.picture_job import Existing


def told_beforehand(source: Place, to: Place, task: Task) -> int:
    """Print what would be made, if it can be; return the exit code."""
    from upsample_cli.jobs.enlarge import picture

    height, width = picture.planned(source, to, task)
    click.echo(f"{printable(source.path)} -> {printable(to.path)}  {width}x{height}")
    return 0


def enlarged(
    source: Place, to: Place, task: Task, decoded: "Callable[[], Decoded | Mask]", quiet: bool
) -> Iterator[Report]:
    """Yield the report of the picture once it is written.

    Args:
        source: A file or "-".
        to: A file or "-".
        task: What to do.
        decoded: Gives the picture.
        quiet: Whether to show no bar.
    """
    from upsample_cli.jobs.enlarge import picture

    yield picture.upsample(source, to, task, progress_bar(quiet, "strip"), decoded)


def enlarged_or_left(
    source: Place, to: Place, task: Task, existing: "Existing"
) -> Iterator[Report]:
    """Yield the report of the picture where what is there may be left.

    Args:
        source: A file.
        to: A file.
        task: What to do.
        existing: What becomes of an output that is there.
    """
    from upsample_cli.jobs.batch.picture_job import PictureJob

    yield PictureJob(task, to.folder, existing)(source, to)


def recorded(reports: Iterable[Report], path: str, existing: "Existing") -> Iterator[Report]:
    """Yield reports and write them to a file of results."""
    from upsample_cli.commands.output.results_file import (  # few runs have one
        ResultsFile,
        local_copy,
    )

    anew = existing == "replace"
    with local_copy(path, anew) as local:
        record = ResultsFile(local, anew, path)
        try:
            for place, report in enumerate(reports):
                record.add(place, report)
                yield report
        finally:
            record.close()


def tell_failed(source: Place, to: Place, method: str, error: str) -> None:
    """Print a failure as JSON, where the picture would not have gone."""
    click.echo(failed_line(source.path, to.path, method, error), err=to.is_stream)
