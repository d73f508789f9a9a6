"""Many pictures: which, by whom, and what became of them."""

import os
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import click

from upsample_cli.commands import exit_codes
from upsample_cli.commands.exit_codes import FAILED, NOTHING
from upsample_cli.commands.output import picture_lines
from upsample_cli.commands.output.messages import printable, tell, with_picture_bar
from upsample_cli.commands.output.picture_lines import print_reports
from upsample_cli.commands.output.results_file import ResultsFile, check_name, local_copy
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import STREAM, Place, parse
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.jobs.batch import plan, run
from upsample_cli.jobs.batch.executors import Hands
from upsample_cli.jobs.batch.globs import Globs
from upsample_cli.jobs.batch.outputs import Outputs
from upsample_cli.jobs.batch.picture_job import Existing, PictureJob, is_other
from upsample_cli.jobs.batch.stop import Stop
from upsample_cli.jobs.enlarge.task import Report, Task

_DEFAULT_REPORT = "checkerboard.csv"


@dataclass(frozen=True, slots=True)
class Batch:
    """What the command line says about the pictures, beside what to do with each.

    Args:
        include: Globs of the files to take.
        exclude: Globs of what to leave out.
        files_from: A file of names, or "-".
        null: Whether the names in it end with NUL.
        existing: What becomes of outputs that are there.
        report: The file of results; None for the usual one.
        cluster: The address of a cluster to work on; None for this machine.
        dry_run: Whether only to tell.
        as_json: Whether to print JSON lines.
        quiet: Whether to print failures alone.
        max_ripple: The strongest checkerboard that is fine, in levels.
    """

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    files_from: str | None
    null: bool
    existing: Existing
    report: str | None
    cluster: str | None
    dry_run: bool
    as_json: bool
    quiet: bool
    max_ripple: float | None


def enlarge(
    inputs: tuple[Place | Folder, ...],
    output: Place | Folder,
    task: Task,
    batch: Batch,
    hands: Hands,
) -> int:
    """Enlarge many pictures into a folder, and tell; return the exit code.

    Args:
        inputs: Files and folders.
        output: The folder.
        task: What to do with each.
        batch: The rest.
        hands: Who does it.
    """
    planned = _planned(inputs, output, task.format, batch)
    if planned.hidden and not batch.quiet:
        what = "file or folder is" if planned.hidden == 1 else "files and folders are"
        tell("note", f"{planned.hidden} hidden {what} left out")
    if batch.dry_run:
        return _told_beforehand(planned)
    root = _as_folder(output)
    path = batch.report or root.file(_DEFAULT_REPORT).path
    check_name(path)
    root.make()
    anew = batch.existing == "replace"
    with local_copy(path, anew) as local:
        record = ResultsFile(local, anew, path)
        try:
            base = str(Path.cwd()) if batch.cluster else None
            work = PictureJob(task, root, batch.existing, base)
            code = _run(planned, work, record, batch, hands)
        finally:
            whole = record.close()
    return code if whole else FAILED


def _as_folder(output: Place | Folder) -> Folder:
    return output if isinstance(output, Folder) else output.as_folder()


def _planned(
    inputs: tuple[Place | Folder, ...], output: Place | Folder, format: str | None, batch: Batch
) -> plan.Plan:
    globs, root = Globs(batch.include, batch.exclude), _as_folder(output)
    if batch.files_from is not None:
        names = _names(batch.files_from, batch.null)
        # Thousands of URLs are not asked for one by one.
        places = [parse(name, ask_store=False) for name in names]
        return plan.of_places(places, root, format, globs, tree=True)
    if any(isinstance(source, Place) and source.is_stream for source in inputs):
        raise SettingError("standard input is one picture; name a file to write it to")
    if len(inputs) == 1 and isinstance(inputs[0], Folder):
        is_called_picture = isinstance(output, Place) and output.suffix[1:] in FORMATS
        if is_called_picture and output.modified() is None:
            raise SettingError(
                f"{inputs[0]} is a folder and {output} the name of a picture; "
                f"name a folder or write {output}/"
            )
        return plan.of_folder(inputs[0], root, format, globs)
    is_new = output.is_remote and output.modified() is None
    if not (is_new or isinstance(output, Folder)):
        raise SettingError(
            f"several inputs need a folder as the last name, and {output} is none; "
            f"make it or write {output}/"
        )
    return plan.of_places(inputs, root, format, globs)


def _names(path: str, null: bool) -> list[str]:
    """Return the names that a file or standard input holds; a line of blanks is none."""
    end = b"\0" if null else b"\n"
    try:
        data = sys.stdin.buffer.read() if path == STREAM else Path(path).read_bytes()
    except OSError as error:
        raise ImageFileError(f"cannot read {path}: {error.strerror}; check --files-from") from error
    data = data.removeprefix(BOM_UTF8)  # as editors of Windows begin a text
    lines = data.split(end) if null else data.replace(b"\r\n", end).split(end)
    return [os.fsdecode(line) for line in lines if line.strip()]


def _told_beforehand(planned: plan.Plan) -> int:
    """Print what would become what, without what would be skipped as no picture."""
    outputs, count = Outputs(), 0
    for source, to in planned.pairs():
        with suppress(ImageFileError):  # one that cannot be read is met by the run itself
            if is_other(source):
                continue
        count += 1
        there = "  (is there already)" if outputs.is_there(to) else ""
        click.echo(f"{printable(source.path)} -> {printable(to.path)}{there}")
    return 0 if count else NOTHING


def _run(
    planned: plan.Plan, work: PictureJob, record: ResultsFile, batch: Batch, hands: Hands
) -> int:
    began = perf_counter()
    with Stop() as stop:
        ended = run.run(planned, work, hands.executor, hands.ahead, _asking(stop))
        with closing(ended):
            shown = with_picture_bar(batch.quiet, ended, planned.count)
            tally, is_over = print_reports(
                _recorded(shown, record), False, batch.as_json, batch.quiet, batch.max_ripple
            )
    left = planned.count - tally.total()
    counts = dict(tally) | ({"left": left} if stop.asked else {})
    if batch.as_json:
        click.echo(picture_lines.summary_line(counts, perf_counter() - began))
    elif not batch.quiet:
        click.echo(", ".join(f"{n} {word}" for word, n in counts.items()), err=True)
    return stop.code or exit_codes.of_pictures(tally, is_over)


def _asking(stop: Stop) -> Callable[[], bool]:
    """Return what asks whether to stop, and says so the first time that it is."""
    heard = False

    def asked() -> bool:
        """Tell whether to stop."""
        nonlocal heard
        if stop.asked and not heard:
            heard = True
            tell("note", "stopping after the pictures under way; again stops at once")
        return stop.asked

    return asked


def _recorded(ended: Iterable[run.FinishedPicture], record: ResultsFile) -> Iterator[Report]:
    for each in ended:
        record.add(each.number, each.report)
        yield each.report
