"""Enlarge or repair one picture, from one file into another."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from upsample_cli import process
from upsample_cli.commands import exit_codes
from upsample_cli.commands.arguments.request import Request
from upsample_cli.commands.output.messages import (
    plan_remark,
    print_message,
    print_planned,
    progress_bar,
)
from upsample_cli.commands.output.picture_lines import json_line, print_reports
from upsample_cli.images.places.folder import as_file
from upsample_cli.images.places.place import Place
from upsample_cli.images.write import formats
from upsample_cli.jobs.enlarge import picture
from upsample_cli.jobs.enlarge.task import Report

if TYPE_CHECKING:  # one picture needs no batch
    from upsample_cli.jobs.batch.picture_job import Work


def enlarge(request: Request, work: "Work | None" = None) -> int:
    """Enlarge one picture, print the report on it, and return the exit code.

    Args:
        request: The options of the command.
        work: What to do with the picture instead of enlarging it, as for `upsample repair`.
    """
    source, output = as_file(request.inputs[0]), as_file(request.output)
    # If so, standard error has only JSON lines, which hold the notes.
    is_only_json = request.as_json and output.is_stream and not request.dry_run
    failed = Report(str(source), str(output), "failed", method=request.task.method.name)
    with exit_codes.failures_as_json(
        request.as_json, is_only_json, lambda error: json_line(failed._replace(error=error))
    ):
        unused = tuple(formats.unused_options(output, request.task.encoding))
        if request.dry_run:
            _print_plan(source, output, request)
            code = exit_codes.DONE
        else:
            # Lazy: the picture is enlarged when `print_reports` takes the report on it.
            reports = _recorded(_reports(source, output, request, work), request)
            if is_only_json:
                reports = (report._replace(notes=report.notes + unused) for report in reports)
            tally, is_over = print_reports(
                reports, output.is_stream, request.as_json, request.quiet, request.max_ripple
            )
            code = exit_codes.exit_code_of(tally, is_over)
    # Printed last, so that a run that fails prints only its error.
    for note in () if request.quiet or is_only_json else unused:
        print_message("note", note)
    return code


def _print_plan(source: Place, output: Place, request: Request) -> None:
    """Print the size of the output, after the checks that the run would make."""
    from upsample_cli.jobs.batch.outputs import Outputs

    task = request.task._replace(force=request.existing != "refuse")
    size = picture.planned_size(source, output, task)
    remark = plan_remark(source, output, request.existing, Outputs())
    print_planned(source, output, remark, request.as_json, size)


def _reports(
    source: Place, output: Place, request: Request, work: "Work | None"
) -> Iterator[Report]:
    """Enlarge or repair the picture, or skip it, and yield the report on it."""
    task = request.task._replace(threads=request.jobs or process.cores())
    work = work or partial(picture.enlarge, progress=progress_bar(request.quiet))
    if request.may_skip and output.modified() is not None:
        from upsample_cli.images.places.standard_stream import StandardStream
        from upsample_cli.jobs.batch.outputs import Outputs
        from upsample_cli.jobs.batch.picture_job import PictureJob

        source = source.held() if isinstance(source, StandardStream) else source
        job = PictureJob(task, output.folder, request.existing, work=work)
        yield job(source, output, Outputs().state(source, output, request.existing))
    else:
        yield work(source, output, task)


def _recorded(reports: Iterator[Report], request: Request) -> Iterator[Report]:
    """Write each report to the results file, if there is one, then yield the report."""
    if not request.report and not request.may_skip:
        yield from reports
        return
    from upsample_cli.commands.output.results_file import opened_results, with_rows_written

    with opened_results(request.report, request.existing) as results:
        yield from with_rows_written(enumerate(reports), results, request.task, request.max_ripple)
