"""`upsample INPUT OUTPUT`: the main job."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands import maps
from upsample_cli.commands.options import given, json_option, max_pixels_option, method_options
from upsample_cli.commands.report import told
from upsample_cli.commands.words import progress
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.target import STREAM, is_folder
from upsample_cli.methods.catalogue import DEFAULT, build

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.images.decoding import Decoded
    from upsample_cli.jobs.scale import Target
    from upsample_cli.jobs.task import Report, Task
    from upsample_cli.methods.method import Method

_FORMATS = ("png", "jpeg", "webp", "tiff", "bmp", "gif", "ppm", "tga", *maps.WORDS)

_PLAIN = {"boundary", "linear", "alpha", "format", "quality", "compression", "strip", "force",
          "jobs", "max_pixels", "layout"}  # fmt: skip


@click.command(
    short_help="Enlarge pictures.", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.argument("input")
@click.argument("output")
@click.option(
    "-m",
    "--method",
    default=DEFAULT,
    show_default=True,
    metavar="NAME",
    help="How to upsample; see `methods`.",
)
@click.option(
    "-s", "--scale", type=float, metavar="FACTOR", help="Output pixels per input pixel (2)."
)
@click.option("--size", metavar="WxH|Wx|xH", help="Exact size, instead of a scale.")
@method_options
@click.option(
    "--boundary",
    type=click.Choice(("symmetric", "nearest", "zero")),
    default="symmetric",
    show_default=True,
    help="What lies beyond the edges.",
)
@click.option("--linear", is_flag=True, help="Filter in linear light.")
@click.option(
    "--alpha",
    type=click.Choice(("premultiplied", "straight")),
    default="premultiplied",
    show_default=True,
    help="How transparency is filtered.",
)
@click.option("--format", type=click.Choice(_FORMATS), help="Output format where no suffix tells.")
@click.option(
    "--quality", type=click.IntRange(1, 100), metavar="N", help="Of JPEG and WebP, 1..100."
)
@click.option(
    "--compression",
    type=click.IntRange(0, 9),
    metavar="N",
    help="Of PNG: 0 none, 2 default, 9 smallest.",
)
@maps.layout_option
@click.option("--strip", is_flag=True, help="Leave out metadata but colour.")
@click.option("-f", "--force", is_flag=True, help="Replace outputs that are there.")
@click.option("--skip-existing", is_flag=True, help="Leave outputs that are there.")
@click.option("-j", "--jobs", type=click.IntRange(1), metavar="N", help="Threads (all cores).")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option(
    "--max-ripple",
    type=click.FloatRange(0),
    metavar="LEVELS",
    help="Exit 4 if a checkerboard is stronger.",
)
@max_pixels_option
@json_option
@click.option("-q", "--quiet", is_flag=True, help="No report, no notes.")
def upsample(input: str, output: str, method: str, scale: float | None, size: str | None,
             dry_run: bool, skip_existing: bool, max_ripple: float | None, as_json: bool,
             quiet: bool, **options: Any) -> int:  # fmt: skip
    """Enlarge INPUT into OUTPUT: files, folders, or - for stdin and stdout.

    \b
    upsample photo.jpg large.png
    upsample photo.jpg large.png --scale 3 --method lanczos
    upsample - - --size 1920x < photo.png > wide.png
    upsample features.npy larger.npy --layout chw -m bicubic
    """  # noqa: D301 # click needs the \b itself
    if maps.are_meant(input, output, options["format"], options["layout"]):
        maps.check(input, {**options, "max_ripple": max_ripple})
        if output == STREAM:
            _check_stream(input)
        chosen = _chosen(method, scale, size, options)
        modes = maps.Modes(dry_run, skip_existing, as_json, quiet)
        return maps.enlarge(input, output, *chosen, modes, options["jobs"] or _cores(), options)
    single = not is_folder(input)
    if output == STREAM:
        _check_stream(input)
    decoded = _decoding(input, options["max_pixels"]) if single and not dry_run else None
    task = _task(method, scale, size, options)
    from upsample_cli.commands.tables import failed_json
    from upsample_cli.jobs import folder, image

    pairs = [(input, output)] if single else folder.plan(input, output, options["format"])
    if dry_run:
        for pair in pairs:
            size = "  {1}x{0}".format(*image.planned(*pair, task)) if single else ""
            click.echo(f"{' -> '.join(pair)}{size}")
        return 0
    if single and not (skip_existing and Path(output).exists()):
        reports: Iterable[Report] = (
            image.upsample(*each, task, progress(quiet, "strip"), decoded) for each in pairs
        )
    else:
        reports = folder.run(pairs, task, skip_existing)
    try:
        return told(reports, single, output == STREAM, as_json, quiet, max_ripple)
    except ImageFileError as error:
        if as_json:
            click.echo(failed_json(input, output, method, str(error)), err=output == STREAM)
        raise


def _check_stream(path: str) -> None:
    """Refuse what standard output cannot take."""
    if is_folder(path):
        raise SettingError(f"folder {path} cannot go to standard output; name a folder to write")
    if sys.stdout is None or sys.stdout.isatty():
        fault = "closed" if sys.stdout is None else "a terminal"
        raise SettingError(f"standard output is {fault}; name a file or pipe it on")


def _decoding(path: str, max_pixels: int | None) -> "Callable[[], Decoded]":
    """Begin to decode a picture while the libraries that it will need still load."""
    from upsample_cli.images.decoding import MAX_PIXELS, decode
    from upsample_cli.jobs.ahead import Ahead

    return Ahead(lambda: decode(path, max_pixels or MAX_PIXELS))


def _chosen(
    method: str, scale: float | None, size: str | None, options: dict[str, Any]
) -> "tuple[Method, Target]":
    """Return the method with its settings, and how large."""
    settings = given({name: value for name, value in options.items() if name not in _PLAIN})
    chosen = build(method, **settings)
    if scale is not None and size is not None:
        raise SettingError("--scale and --size are both given; leave one out")
    from upsample_cli.jobs.scale import Target

    factor = 2.0 if scale is None else scale
    return chosen, Target(scale=factor) if size is None else Target.parsed(size)


def _task(method: str, scale: float | None, size: str | None, options: dict[str, Any]) -> "Task":
    chosen, target = _chosen(method, scale, size, options)
    from upsample_cli.jobs.task import Task

    rest = given({name: options[name] for name in _PLAIN - {"alpha", "jobs", "layout"}})
    return Task(chosen, target, premultiplied=options["alpha"] == "premultiplied",
                threads=options["jobs"] or _cores(), **rest)  # fmt: skip


def _cores() -> int:
    import os

    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every platform tells which cores are ours
        return os.cpu_count() or 1
