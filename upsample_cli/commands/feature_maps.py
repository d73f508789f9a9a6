"""Enlarge feature maps (.npy and .npz files), and print the reports on them."""

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from upsample_cli import process
from upsample_cli.commands import exit_codes
from upsample_cli.commands.arguments.request import Request
from upsample_cli.commands.output.messages import print_message, print_planned, printable
from upsample_cli.commands.output.text_and_json import in_json
from upsample_cli.images.places.folder import as_file
from upsample_cli.images.places.place import Place

if TYPE_CHECKING:  # --help must not load NumPy
    from upsample_cli.jobs.enlarge.feature_maps import ArrayReport


def enlarge(request: Request) -> int:
    """Enlarge feature maps, print the report on them, and return the exit code."""
    source, output = as_file(request.inputs[0]), as_file(request.output)
    if request.may_skip and not output.is_stream and output.modified() is not None:
        if not request.quiet:
            print_message("note", f"{output} already exists, so it was skipped")
        return exit_codes.NOTHING_DONE
    from upsample_cli.jobs.enlarge import feature_maps as job

    task = request.task._replace(threads=request.jobs or process.cores())
    to_stderr = output.is_stream and not request.dry_run
    with exit_codes.failures_as_json(
        request.as_json, to_stderr, partial(failed_line, source, output)
    ):
        if request.dry_run:
            output.check_target((source, *task.files()), task.force)
            print_planned(source, output, "", request.as_json)
            return exit_codes.DONE
        report = job.enlarge(source, output, task, request.layout)
    name, kernel = task.method.name, getattr(task.method, "kernel", None)
    words = " ".join(word for word in (name, kernel, f"x{report.scale:.4g}") if word)
    print_report(report, words, output.is_stream, request.as_json, request.quiet,
                 method=name, kernel=kernel)  # fmt: skip
    return exit_codes.DONE


def failed_line(source: Place, output: Place, error: str) -> str:
    """Return the line of JSON for feature maps that failed."""
    names = {"input": str(source), "output": str(output)}
    return in_json({**names, "status": "failed", "error": error})


def print_report(
    report: "ArrayReport", how: str, to_stderr: bool, as_json: bool, quiet: bool, **values: Any
) -> None:
    """Print the report on feature maps as JSON or text, then its notes."""
    if as_json:
        line = in_json({**report._asdict(), **values, "status": "done"})
        click.echo(line, err=to_stderr)
    elif not quiet:
        for name, shape in report.shapes.items():
            size = "x".join(map(str, shape))
            label = f" {printable(name)}" if len(report.shapes) > 1 else ""
            line = f"{printable(report.output)}{label}  {size} {report.dtypes[name]}  {how}"
            if report.kernel_ripple is not None:
                line += f"  kernel ripple {report.kernel_ripple:.4f}"
            click.echo(f"{line}  {report.seconds:.2f} s", err=to_stderr)
    if quiet or (as_json and to_stderr):  # then stderr has only JSON lines
        return
    for note in report.notes:
        print_message("note", f"{report.input}: {note}")
    if report.shift:
        from upsample_cli.commands.output.picture_lines import print_shift

        print_shift(f"{report.input}: the maps are", *report.shift)
