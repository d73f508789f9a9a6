"""`upsample measure`: the checkerboard in pictures that any tool made."""

from collections.abc import Sequence

import click

from upsample_cli.commands import exit_codes
from upsample_cli.commands.arguments.options import (
    Limit,
    complete_files,
    input_options,
    jobs_option,
    json_option,
    max_memory_option,
    max_pixels_option,
    places_from,
)
from upsample_cli.commands.output.messages import printable, with_picture_bar
from upsample_cli.errors import SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import MAX_PIXELS, Place, parse, parse_file
from upsample_cli.process import cores


def _stride(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """Return the value of --stride; None for auto."""
    try:
        return None if value == "auto" else int(value)
    except ValueError:
        raise SettingError(f"--stride {value} is no stride; give 2..16, or auto") from None


@click.command(short_help="Measure the checkerboard in pictures.")
@click.argument("images", nargs=-1, metavar="IMAGE...", shell_complete=complete_files)
@click.option("--stride", callback=_stride, default="auto", show_default=True, metavar="N|auto",
              help="Period to look for, in pixels, 2..16; auto: 2..8.")  # fmt: skip
@click.option(
    "--map",
    "heat_map",
    metavar="OUT.png",
    shell_complete=complete_files,
    help="Draw a map of where the checkerboard is.",
)
@click.option(
    "--spectrum",
    metavar="OUT.png",
    shell_complete=complete_files,
    help="Draw the spectrum, with the lines of the stride.",
)
@click.option(
    "--reference",
    metavar="LOW",
    shell_complete=complete_files,
    help="Original that the picture was enlarged from.",
)
@click.option("--max-ripple", type=Limit(0), metavar="LEVELS",
              help="Exit with 4 if a ripple is larger, or cannot be told.")  # fmt: skip
@click.option("-f", "--force", is_flag=True, help="Replace figures that exist.")
@input_options
@jobs_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one line for each picture.")
@max_pixels_option
@max_memory_option
@click.option("-q", "--quiet", is_flag=True, help="Print no progress bar and no summary.")
def measure(
    images: tuple[str, ...],
    stride: int | None,
    heat_map: str | None,
    spectrum: str | None,
    reference: str | None,
    max_ripple: float | None,
    force: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    files_from: str | None,
    null: bool,
    jobs: int | None,
    as_json: bool,
    as_csv: bool,
    max_pixels: int | None,
    quiet: bool,
) -> int:
    """Measure the checkerboard in files, folders and URLs of pictures; "-" is standard input.

    A line a picture: the stride it repeats with, the verdict, the RMS in levels of 0..255 of what
    repeats (ripple), the part of the picture that has it (share), its strength where it is
    strongest (peak), what could not have been seen (floor), and the pattern's power over its error
    (contrast). Colours are measured one by one too, and the worst is told; of an animation, the
    worst frame. With --reference what an even enlargement of LOW shows is taken off first: for
    pictures that repeat by nature, as brickwork and halftones do.
    """
    from upsample_cli.commands.output.measure_output import (
        CsvTable,
        JsonLines,
        TextTable,
        has_failed,
        print_results,
    )
    from upsample_cli.jobs.batch.walk import Globs
    from upsample_cli.jobs.measure.measure import MeasureOptions, measuring

    if as_json and as_csv:
        raise SettingError("--json and --csv exclude each other; give one")
    sources = _sources(images, files_from, null)
    map_file, spectrum_file, low = _files_of_one(sources, heat_map, spectrum, reference)
    options = MeasureOptions(stride, low, map_file, spectrum_file, force, max_pixels or MAX_PIXELS)
    width = max(len("picture"), *(len(printable(str(source))) for source in sources))
    table = JsonLines() if as_json else CsvTable() if as_csv else TextTable(width)
    with measuring(sources, Globs(include, exclude), options, jobs or cores()) as (results, count):
        pictures = with_picture_bar(quiet or count == 1, results, count, has_failed)
        tally, is_over = print_results(pictures, table, max_ripple, count > 1 and not quiet, quiet)
    return exit_codes.of_pictures(tally, is_over)


def _sources(
    images: tuple[str, ...], files_from: str | None, null: bool
) -> Sequence[Place | Folder]:
    """Return the places that are named, on the command line or in a list."""
    if images and files_from is not None:
        raise SettingError("--files-from names the pictures; leave the others out")
    if null and files_from is None:
        raise SettingError("--null is for --files-from; leave it out")
    sources = [*map(parse, images)] if files_from is None else places_from(files_from, null)
    if not sources:
        raise SettingError("no picture is named; name files or folders, or give --files-from")
    return sources


def _files_of_one(
    sources: Sequence[Place | Folder],
    heat_map: str | None,
    spectrum: str | None,
    reference: str | None,
) -> list[Place | None]:
    """Return the map, the spectrum and the reference, which are for one picture only."""
    names = {"map": heat_map, "spectrum": spectrum, "reference": reference}
    for option, name in names.items():
        if name and (len(sources) > 1 or isinstance(sources[0], Folder)):
            count = "a folder" if len(sources) == 1 else len(sources)
            raise SettingError(f"--{option} is for one picture, not {count}; name one")
    map_file, spectrum_file, low = (parse_file(name) if name else None for name in names.values())
    if map_file and spectrum_file and map_file.key == spectrum_file.key:
        raise SettingError(f"--map and --spectrum are both {map_file.key}; name two files")
    return [map_file, spectrum_file, low]
