"""One picture into one file."""

from collections.abc import Iterator

import click

from upsample_cli.commands import exit_codes
from upsample_cli.commands.output.messages import printable, progress_bar, tell
from upsample_cli.commands.output.picture_lines import failed_line, print_reports
from upsample_cli.commands.request import Request, as_file
from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import Place
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import formats
from upsample_cli.jobs.enlarge.task import Report
from upsample_cli.jobs.runtime.threads import in_background


def enlarge(request: Request) -> int:
    """Enlarge one picture, print what became of it, and return the exit code."""
    source, output = as_file(request.inputs[0]), as_file(request.output)
    unused = list(
        formats.unused_options(output, request.format, request.quality, request.compression)
    )
    if request.dry_run:
        _print_plan(source, output, request)
        code = exit_codes.DONE
    else:
        reports = _reports(source, output, request)
        if request.report:
            reports = _recorded(reports, request.report, request.existing == "replace")
        try:
            tally, is_over = print_reports(
                reports, output.is_stream, request.as_json, request.quiet, request.max_ripple
            )
        except ImageFileError as error:
            if request.as_json:
                line = failed_line(str(source), str(output), request.method.name, str(error))
                click.echo(line, err=output.is_stream)
            raise
        code = exit_codes.of_pictures(tally, is_over)
    # Notes come last: an error is one line.
    for note in () if request.quiet else unused:
        tell("note", note)
    return code


def _print_plan(source: Place, output: Place, request: Request) -> None:
    from upsample_cli.jobs.enlarge import picture

    height, width = picture.planned(source, output, request.task(1))
    click.echo(f"{printable(str(source))} -> {printable(str(output))}  {width}x{height}")


def _reports(source: Place, output: Place, request: Request) -> Iterator[Report]:
    """Yield the report on the picture, once it is written."""
    task = request.task(request.jobs)
    if request.may_skip and output.modified() is not None:
        from upsample_cli.jobs.batch.picture_job import PictureJob

        yield PictureJob(task, output.folder, request.existing)(source, output)
        return
    # The picture is decoded while the libraries of the job load.
    decoding = None if task.labels else in_background(decode, source, task.max_pixels, task.strict)
    from upsample_cli.jobs.enlarge import picture

    yield picture.enlarge(source, output, task, progress_bar(request.quiet, "strip"), decoding)


def _recorded(reports: Iterator[Report], path: str, anew: bool) -> Iterator[Report]:
    """Yield reports, and write them to a file of results."""
    from upsample_cli.commands.output.results_file import ResultsFile, local_copy

    with local_copy(path, anew) as local:
        results = ResultsFile(local, anew, path)
        try:
            for index, report in enumerate(reports):
                results.add(index, report)
                yield report
        finally:
            results.close()
