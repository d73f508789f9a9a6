"""`upsample INPUT OUTPUT`: the main job."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from upsample_cli.commands import ends, maps, masks
from upsample_cli.commands.options import (
    existing,
    folder_options,
    given,
    json_option,
    max_pixels_option,
    method_options,
)
from upsample_cli.commands.report import told
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.target import STREAM, modified
from upsample_cli.jobs import process
from upsample_cli.methods.catalogue import DEFAULT, build

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.images.decoding import Decoded
    from upsample_cli.images.mask import Mask
    from upsample_cli.jobs.scale import Target
    from upsample_cli.jobs.task import Task
    from upsample_cli.methods.method import Method

_Wanted: TypeAlias = tuple[str, float | None, str | None, dict[str, Any]]
"""The method's word, the scale, the size, and the other options."""

_FORMATS = ("png", "jpeg", "webp", "tiff", "bmp", "gif", "ppm", "tga", *maps.WORDS)

_PLAIN = {"boundary", "linear", "alpha", "format", "quality", "compression", "strip", "force",
          "jobs", "max_pixels", "layout", "labels"}  # fmt: skip


@click.command(
    short_help="Enlarge pictures.", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.argument("paths", nargs=-1, required=True, metavar="INPUT... OUTPUT")
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
@masks.labels_option
@click.option("--strip", is_flag=True, help="Leave out metadata but colour.")
@click.option("-f", "--force", is_flag=True, help="Replace outputs that are there.")
@folder_options
@click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Work on so many cores (all)."
)
@click.option("--cluster", metavar="ADDRESS", help="Let a Dask cluster work on a folder.")
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
def upsample(paths: tuple[str, ...], method: str, scale: float | None, size: str | None,
             max_ripple: float | None, as_json: bool, quiet: bool,
             **options: Any) -> int:  # fmt: skip
    """Enlarge INPUT into OUTPUT: files, folders, URLs of either, or - for stdin and stdout.

    \b
    upsample photo.jpg large.png
    upsample photo.jpg large.png --scale 3 --method lanczos
    upsample - - --size 1920x < photo.png > wide.png
    upsample photos/ large/ --exclude thumbs --skip-existing
    find . -name "*.jpg" -print0 | upsample --files-from - -0 large/
    upsample s3://bucket/photos s3://bucket/large
    upsample features.npy larger.npy --layout chw -m bicubic
    """  # noqa: D301 # click needs the \b itself
    folders = {name: options.pop(name) for name in ("include", "exclude", "files_from", "null",
               "report", "cluster", "dry_run")}  # fmt: skip
    there = existing(options["force"], options.pop("skip_existing"), options.pop("update"))
    options["jobs"] = options["jobs"] or process.cores()
    inputs, output = ends.of(paths, folders["files_from"])
    wanted: _Wanted = (method, scale, size, options)
    if maps.are_meant(inputs, output, options["format"], options["layout"]):
        input = maps.check(inputs, {**options, "max_ripple": max_ripple})
        if output == STREAM:
            ends.check_stream(inputs)
        modes = maps.Modes(folders["dry_run"], there in ("skip", "update"), as_json, quiet)
        return maps.enlarge(input, output, *_chosen(*wanted), modes, options["jobs"], options)
    if output == STREAM:
        ends.check_stream(inputs)
    if options["labels"]:
        masks.check({**options, "max_ripple": max_ripple})
    how = {"existing": there, "as_json": as_json, "quiet": quiet, "max_ripple": max_ripple}
    if not ends.is_single(inputs, output):
        return _many(inputs, output, wanted, {**folders, **how})
    if folders["cluster"]:
        raise SettingError("--cluster is for folders; leave it out for one picture")
    return _one(inputs[0], output, wanted, {**folders, **how})


def _many(inputs: tuple[str, ...], output: str, wanted: _Wanted, batch: dict[str, Any]) -> int:
    """Enlarge many pictures into a folder; return the exit code."""
    from upsample_cli.jobs import executors

    method, scale, size, options = wanted
    address = batch["cluster"]
    # Begun first, so that the libraries of its processes load while ours do.
    with (
        executors.of_cluster(address) if address else executors.of_this_machine(options["jobs"])
    ) as hands:
        from upsample_cli.commands import folder

        if address and Path(options["kernel"] or "").is_file():
            options["kernel"] = str(Path(options["kernel"]).absolute())
        task = _task(method, scale, size, options | {"jobs": 1})
        return folder.enlarge(inputs, output, task, folder.Batch(**batch), hands)


def _one(input: str, output: str, wanted: _Wanted, how: dict[str, Any]) -> int:
    """Enlarge one picture into one file; return the exit code."""
    # What is there may do: then there is nothing to decode.
    left = how["existing"] in ("skip", "update") and modified(output) is not None
    decoded = None if how["dry_run"] or left else _decoding(input, wanted[-1])
    task = _task(*wanted)
    from upsample_cli.commands import picture

    if how["dry_run"]:
        return picture.told_beforehand(input, output, task)
    reports = picture.enlarged(input, output, task, how["existing"], decoded, how["quiet"])
    if how["report"]:
        reports = picture.recorded(reports, how["report"], how["existing"])
    try:
        return told(reports, output == STREAM, how["as_json"], how["quiet"], how["max_ripple"])[1]
    except ImageFileError as error:
        if how["as_json"]:
            picture.tell_failed(input, output, task.method.name, str(error))
        raise


def _decoding(path: str, options: dict[str, Any]) -> "Callable[[], Decoded | Mask]":
    """Begin to decode a picture while the libraries that it will need still load."""
    from upsample_cli.images.decoding import decode
    from upsample_cli.images.opening import MAX_PIXELS
    from upsample_cli.jobs.ahead import Ahead

    most = options["max_pixels"] or MAX_PIXELS
    if options["labels"]:
        from upsample_cli.images import mask

        return Ahead(lambda: mask.read(path, most))
    return Ahead(lambda: decode(path, most))


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
                threads=options["jobs"], **rest)  # fmt: skip
