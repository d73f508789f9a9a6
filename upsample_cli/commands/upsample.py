"""`upsample INPUT OUTPUT`: the main job."""

import os
from collections.abc import Iterable
from typing import Any

import click

from upsample_cli.commands import arguments, exit_codes, feature_maps, masks
from upsample_cli.commands.options import (
    Limit,
    Number,
    Whole,
    existing,
    folder_options,
    json_option,
    max_pixels_option,
    method_options,
)
from upsample_cli.commands.output.messages import tell
from upsample_cli.commands.output.picture_lines import print_reports
from upsample_cli.commands.request import Wanted
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.images.write import formats
from upsample_cli.jobs.runtime import process
from upsample_cli.methods.catalogue import DEFAULT

_FORMATS = (
    "png",
    "jpg",
    "jpeg",
    "webp",
    "tif",
    "tiff",
    "bmp",
    "gif",
    "ppm",
    "tga",
    *feature_maps.WORDS,
)


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
    "-s", "--scale", type=Number(), metavar="FACTOR", help="Output pixels per input pixel (2)."
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
@click.option("--quality", type=Whole(1, 100), metavar="N", help="Of JPEG and WebP, 1..100.")
@click.option(
    "--compression",
    type=Whole(0, 9),
    metavar="N",
    help="Of PNG: 0 none, 2 default, 9 smallest.",
)
@feature_maps.layout_option
@masks.labels_option
@click.option("--strip", is_flag=True, help="Leave out metadata but colour.")
@click.option("-f", "--force", is_flag=True, help="Replace outputs that are there.")
@folder_options
@click.option("-j", "--jobs", type=Whole(1), metavar="N", help="Work on so many cores (all).")
@click.option("--cluster", metavar="ADDRESS", help="Let a Dask cluster work on a folder.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option(
    "--max-ripple",
    type=Limit(0),
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
    inputs, output = arguments.of(paths, folders["files_from"])
    wanted = Wanted(method, scale, size, options)
    if feature_maps.are_meant(inputs, output, options["format"], options["layout"]):
        input = feature_maps.check(inputs, {**options, "max_ripple": max_ripple})
        arguments.check_stream(inputs, output)
        modes = feature_maps.Modes(folders["dry_run"], there in ("skip", "update"), as_json, quiet)
        return feature_maps.enlarge(
            input,
            feature_maps.target_file(output),
            *wanted.chosen(),
            modes,
            options["jobs"],
            options,
        )
    arguments.check_stream(inputs, output)
    if options["labels"]:
        masks.check({**options, "max_ripple": max_ripple})
    how = {"existing": there, "as_json": as_json, "quiet": quiet, "max_ripple": max_ripple}
    source = inputs[0] if len(inputs) == 1 else None
    if isinstance(output, Folder) or not isinstance(source, Place):
        return _many(inputs, output, wanted, {**folders, **how})
    if folders["cluster"]:
        raise SettingError("--cluster is for folders; leave it out for one picture")
    return _one(source, output, wanted, {**folders, **how})


def _many(
    inputs: tuple[Place | Folder, ...],
    output: Place | Folder,
    wanted: Wanted,
    batch: dict[str, Any],
) -> int:
    """Enlarge many pictures into a folder; return the exit code."""
    from upsample_cli.jobs.batch import executors

    options, address = wanted.options, batch["cluster"]
    # Begun first, so that the libraries of its processes load while ours do.
    with (
        executors.of_cluster(address) if address else executors.of_this_machine(options["jobs"])
    ) as hands:
        from upsample_cli.commands import batch as folder

        if address and os.path.isfile(options["kernel"] or ""):
            options["kernel"] = os.path.abspath(options["kernel"])
        return folder.enlarge(inputs, output, wanted.task(1), folder.Batch(**batch), hands)


def _one(input: Place, output: Place, wanted: Wanted, how: dict[str, Any]) -> int:
    """Enlarge one picture into one file; return the exit code."""
    # What is there may do: then there is nothing to decode.
    left = how["existing"] in ("skip", "update") and output.modified() is not None
    decoded = None if how["dry_run"] or left else wanted.decoding(input)
    task = wanted.task(wanted.options["jobs"])
    from upsample_cli.commands import single

    unused = formats.unused_options(
        output, task.format, task.quality, wanted.options["compression"]
    )
    if how["dry_run"]:
        code = single.told_beforehand(input, output, task)
        _tell_unused(unused, how["quiet"])
        return code
    if decoded is not None:
        reports = single.enlarged(input, output, task, decoded, how["quiet"])
    else:
        reports = single.enlarged_or_left(input, output, task, how["existing"])
    if how["report"]:
        reports = single.recorded(reports, how["report"], how["existing"])
    try:
        code = exit_codes.of_pictures(
            *print_reports(
                reports, output.is_stream, how["as_json"], how["quiet"], how["max_ripple"]
            )
        )
    except ImageFileError as error:
        if how["as_json"]:
            single.tell_failed(input, output, task.method.name, str(error))
        raise
    _tell_unused(unused, how["quiet"])
    return code


def _tell_unused(unused: Iterable[str], quiet: bool) -> None:
    """Tell settings without use, once nothing else can go wrong: an error is one line."""
    for words in () if quiet else unused:
        tell("note", words)
