"""`upsample measure`: measure the checkerboard in pictures that any tool made."""

from collections.abc import Sequence

import click

from upsample_cli.commands import exit_codes
from upsample_cli.commands.arguments.options import (
    BoundedNumber,
    complete_files,
    file_option,
    input_options,
    jobs_option,
    json_option,
    limit_options,
    places_from,
)
from upsample_cli.commands.output.messages import with_picture_bar
from upsample_cli.errors import SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import MAX_PIXELS, Place, parse, parse_file
from upsample_cli.process import cores


def _stride(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """Return the value of --stride; None for auto."""
    try:
        return None if value == "auto" else int(value)
    except ValueError:
        raise SettingError(f"invalid --stride '{value}'; give 2 to 16, or auto") from None


@click.command(short_help="Measure the checkerboard in pictures.")
@click.argument("images", nargs=-1, metavar="IMAGE...", shell_complete=complete_files)
@click.option("--stride", callback=_stride, default="auto", metavar="N|auto",
              help="Period to look for, 2 to 16 pixels; default auto: 2 to 8.")  # fmt: skip
@file_option("--map", "heat_map", metavar="OUT.png",
             help="Draw a map of where the checkerboard is.")  # fmt: skip
@file_option("--spectrum", metavar="OUT.png",
             help="Draw the spectrum, with the stride's frequencies marked.")  # fmt: skip
@file_option("--reference", metavar="LOW", help="The small picture that it was enlarged from.")
@click.option("--max-ripple", type=BoundedNumber(0), metavar="LEVELS",
              help="Exit with 4 if a ripple is larger than LEVELS, or is unknown.")  # fmt: skip
@click.option("-f", "--force", is_flag=True, help="Replace pictures that exist.")
@input_options
@jobs_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one row for each picture.")
@limit_options
@click.option("-q", "--quiet", is_flag=True, help="Print no progress bar, notes or summary.")
def measure(images: tuple[str, ...], stride: int | None, heat_map: str | None,
            spectrum: str | None, reference: str | None, max_ripple: float | None, force: bool,
            include: tuple[str, ...], exclude: tuple[str, ...], files_from: str | None,
            null: bool, jobs: int | None, as_json: bool, as_csv: bool, max_pixels: int | None,
            quiet: bool) -> int:  # fmt: skip
    """Measure the checkerboard in files, folders and URLs of pictures; "-" is standard input.

    Each picture gets a line: stride (pixels after which the pattern repeats), verdict, ripple (the
    pattern's strength: RMS in levels of 0 to 255), share (part of the picture that has it), peak
    (strength where it is strongest), floor (a weaker pattern could not be seen here), contrast (the
    pattern's power divided by its error's) and the worst channel. An animation is judged by its
    worst frame.

    Brickwork, halftones and the like repeat by nature. For them give --reference LOW, the small
    picture that was enlarged: a pattern that its bicubic enlargement also has does not count.

    \b
    upsample measure photos/ --max-ripple 0.5
    upsample measure large.png --map where.png
    """  # noqa: D301 # click needs the \b itself
    from upsample_cli.commands.output.measure_output import print_results, table_of
    from upsample_cli.jobs.batch.walk import Globs, files_in
    from upsample_cli.jobs.measure.measure import MeasureOptions, measuring

    if as_json and as_csv:
        raise SettingError("--json and --csv cannot be used together; leave one out")
    sources = _sources(images, files_from, null)
    if files_from is None and len(sources) == 1 and isinstance(sources[0], Place):
        for option, globs in (("include", include), ("exclude", exclude)):
            if globs:
                raise SettingError(f"--{option} is for folders; leave it out for one picture")
    map_file, spectrum_file, low = _files_of_one(sources, heat_map, spectrum, reference)
    options = MeasureOptions(stride, low, map_file, spectrum_file, force, max_pixels or MAX_PIXELS)
    files = list(files_in(sources, Globs(include, exclude)))
    table = table_of([file for file, _ in files], as_json, as_csv)
    count = len(files)
    with measuring(files, options, jobs or cores()) as results:
        pictures = with_picture_bar(
            quiet or count == 1, results, count, lambda result: result.error is not None
        )
        tally, is_over = print_results(pictures, table, max_ripple, count > 1 and not quiet, quiet)
    return exit_codes.exit_code_of(tally, is_over)


def _sources(
    images: tuple[str, ...], files_from: str | None, null: bool
) -> Sequence[Place | Folder]:
    """Return the files and folders that the command line, or the list `files_from`, names."""
    if images and files_from is not None:
        raise SettingError("--files-from names the pictures; leave the others out")
    if null and files_from is None:
        raise SettingError("--null is for --files-from; leave it out")
    sources = [*map(parse, images)] if files_from is None else places_from(files_from, null)
    if not sources:
        raise SettingError("no picture is named; give files, folders or --files-from")
    return sources


def _files_of_one(
    sources: Sequence[Place | Folder],
    heat_map: str | None,
    spectrum: str | None,
    reference: str | None,
) -> list[Place | None]:
    """Return the files of --map, --spectrum and --reference, which are for one picture only."""
    names = {"map": heat_map, "spectrum": spectrum, "reference": reference}
    for option, name in names.items():
        if name and (len(sources) > 1 or isinstance(sources[0], Folder)):
            count = "a folder" if len(sources) == 1 else len(sources)
            raise SettingError(f"--{option} is for one picture, not {count}; name one picture")
    map_file, spectrum_file, low = (parse_file(name) if name else None for name in names.values())
    if map_file and spectrum_file and map_file.key == spectrum_file.key:
        raise SettingError(f"--map and --spectrum are both {map_file}; name two files")
    return [map_file, spectrum_file, low]
