"""Enlarge or repair many pictures: plan, run on workers, print and record the reports."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import click

from upsample_cli import memory, process
from upsample_cli.commands import exit_codes
from upsample_cli.commands.arguments.options import places_from
from upsample_cli.commands.arguments.request import Request
from upsample_cli.commands.output import picture_lines
from upsample_cli.commands.output.messages import (
    plan_remark,
    print_message,
    print_planned,
    with_picture_bar,
)
from upsample_cli.commands.output.results_file import ResultsFile, opened_results, with_rows_written
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place, parse_file
from upsample_cli.images.write.formats import FORMATS, Encoding, unused_options
from upsample_cli.jobs.batch import cluster, plan, run
from upsample_cli.jobs.batch.outputs import Naming, Outputs
from upsample_cli.jobs.batch.picture_job import PictureJob, Work, is_not_picture
from upsample_cli.jobs.batch.pool import Pool, Workforce
from upsample_cli.jobs.batch.run import Stop
from upsample_cli.jobs.batch.walk import Globs
from upsample_cli.jobs.enlarge.picture import enlarge as enlarge_picture
from upsample_cli.jobs.enlarge.task import Report, Task

_CHECK_INTERVAL = 5  # seconds between checks whether the cluster has workers
_DEFAULT_REPORT = "checkerboard.csv"


def enlarge(request: Request, work: Work = enlarge_picture) -> int:
    """Enlarge many pictures into a folder, print a report on each, and return the exit code.

    Args:
        request: The options of the command.
        work: What to do with each picture: enlarge it, or repair it.
    """
    root = request.output if isinstance(request.output, Folder) else request.output.as_folder()
    if request.dry_run:
        return _print_plan(_planned(request, root), request)
    # The workers start first: their processes load their libraries while this one plans.
    with (
        cluster.connected(request.cluster)
        if request.cluster
        else Pool(request.jobs or memory.shares(process.cores())) as workforce
    ):
        planned = _planned(request, root)
        if not planned.count:
            if request.as_json:
                click.echo(picture_lines.summary_line({"done": 0, "skipped": 0, "failed": 0}, 0.0))
            if not request.quiet:
                print_message("note", "found no pictures, so nothing was done")
            return exit_codes.NOTHING_DONE
        return _enlarge(planned, root, request, workforce, work)


def _planned(request: Request, root: Folder) -> plan.Plan:
    """Return the plan, and print a note on the hidden files that it leaves out."""
    planned = _plan(request, root)
    if planned.hidden and not request.quiet:
        what = "file or folder is" if planned.hidden == 1 else "files and folders are"
        print_message("note", f"{planned.hidden} hidden {what} left out")
    return planned


def _plan(request: Request, root: Folder) -> plan.Plan:
    """Return the plan: which input becomes which output."""
    task, globs = request.task, Globs(request.include, request.exclude)
    naming = Naming(task.encoding.format, request.name, task.target_size.scale, task.method.name)
    if request.files_from is not None:
        places = places_from(request.files_from, request.null)
        return plan.of_places(places, root, naming, globs, tree=True)
    inputs, output = request.inputs, request.output
    if any(isinstance(source, Place) and source.is_stream for source in inputs):
        fact = "must be the only input" if len(inputs) > 1 else "has no name"
        raise SettingError(f"standard input {fact}; name an output file")
    if len(inputs) == 1 and isinstance(inputs[0], Folder):
        is_picture_name = isinstance(output, Place) and output.suffix[1:] in FORMATS
        if is_picture_name and output.modified() is None and inputs[0].exists():
            raise SettingError(
                f"{inputs[0]} is a folder, so the output must be a folder; "
                f"write {output}/ or name another"
            )
    elif isinstance(output, Place) and not (output.is_remote and output.modified() is None):
        raise SettingError(
            f"several inputs need a folder to write to, and {output} is not one; "
            f"write {output}/ or name another"
        )
    return plan.of_places(inputs, root, naming, globs)


def _print_plan(planned: plan.Plan, request: Request) -> int:
    """Print which picture would become which output; return the exit code."""
    outputs, count, start = Outputs(), 0, perf_counter()
    for source, to in planned.pairs():
        with suppress(ImageFileError):  # a real run reports files that it cannot read
            if is_not_picture(source):
                continue
        count += 1
        try:
            remark = plan_remark(source, to, request.existing, outputs)
        except ImageFileError as error:  # a store may fail for one folder of outputs alone
            remark = str(error)
        print_planned(source, to, remark, request.as_json)
    if request.as_json:
        click.echo(picture_lines.summary_line({"planned": count}, perf_counter() - start))
    return exit_codes.DONE if count else exit_codes.NOTHING_DONE


def _enlarge(
    planned: plan.Plan, root: Folder, request: Request, workforce: Workforce, work: Work
) -> int:
    """Enlarge the pictures, with a results file unless none is wanted; return the exit code."""
    is_one = planned.count == 1 and len(request.inputs) == 1
    has_no_report = is_one and isinstance(request.inputs[0], Place) and request.report is None
    has_no_report = has_no_report or request.no_report
    path = None if has_no_report else request.report or root.file(_DEFAULT_REPORT).path
    root.make()
    base = str(Path.cwd()) if request.cluster else None
    job = PictureJob(_task(request), root, request.existing, base, work, memory.chosen())
    with opened_results(path, request.existing) as results:
        return _run(planned, job, results, request, workforce)


def _task(request: Request) -> Task:
    """Return the task for each picture; a cluster needs absolute paths of the method's files."""
    method, absolute = request.task.method, dict[str, str]()
    for name in (item.name for item in method.parameters() if request.cluster):
        value = getattr(method, name)
        if value in method.files() and Path(value).is_file():
            absolute[name] = str(Path(value).absolute())
    return request.task._replace(method=replace(method, **absolute))


def _run(
    planned: plan.Plan,
    job: PictureJob,
    results: ResultsFile | None,
    request: Request,
    workforce: Workforce,
) -> int:
    """Enlarge the pictures, print the report on each, and return the exit code."""
    start = perf_counter()
    is_ours = results.wrote if results else lambda _: False
    with Stop() as stop:
        finished = run.run(planned, job, workforce, _stop_check(stop, workforce), is_ours)
        with closing(finished):
            pictures = with_picture_bar(
                request.quiet, finished, planned.count, lambda item: item[1].status == "failed"
            )
            reports = with_rows_written(pictures, results, request.task, request.max_ripple)
            if not request.quiet:
                reports = _with_unused_noted(reports, request.task.encoding)
            tally, is_over = picture_lines.print_reports(
                reports, False, request.as_json, request.quiet, request.max_ripple
            )
    remaining = max(0, planned.count - tally.total())  # files may have come during the run
    counts = dict(tally) | ({"left": remaining} if stop.is_asked else {})
    if request.as_json:
        click.echo(picture_lines.summary_line(counts, perf_counter() - start))
    elif not request.quiet:
        click.echo(", ".join(f"{n} {word}" for word, n in counts.items()), err=True)
    return stop.code or exit_codes.exit_code_of(tally, is_over)


def _with_unused_noted(reports: Iterable[Report], encoding: Encoding) -> Iterator[Report]:
    """Yield the reports, then print a note on each option that had no effect on any output."""
    done, counts, notes = 0, Counter[str](), dict[str, str]()
    for report in reports:
        if report.status == "done":
            done += 1
            for note in unused_options(parse_file(report.output), encoding):
                option = note.partition(" ")[0]
                counts[option] += 1
                notes[option] = note
        yield report
    for option, count in counts.items():
        if count == done:
            print_message("note", notes[option])


def _stop_check(stop: Stop, workforce: Workforce) -> Callable[[], bool]:
    """Return a function that returns whether to stop; it prints notes on what the run waits for."""
    noted, last_check = set[str](), perf_counter()
    leave = "leave them to the cluster" if isinstance(workforce, cluster.Cluster) else "stop now"

    def note(words: str) -> None:
        """Print a note if it is new."""
        if words not in noted:
            noted.add(words)
            print_message("note", words)

    def is_asked() -> bool:
        """Return whether a signal has asked the run to stop."""
        nonlocal last_check
        if stop.is_asked:
            note(f"finishing the pictures in progress; press Ctrl-C again to {leave}")
        if isinstance(workforce, cluster.Cluster) and perf_counter() > last_check + _CHECK_INTERVAL:
            last_check = perf_counter()
            if not workforce.has_workers():
                note("the cluster has no workers left; start some, or press Ctrl-C twice")
        return stop.is_asked

    return is_asked
