"""`upsample measure`: the checkerboard in pictures that any tool made."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from upsample_cli.commands.exit_codes import DONE, FAILED, OVER_RIPPLE
from upsample_cli.commands.options import Limit, json_option, max_pixels_option
from upsample_cli.commands.output.messages import printable, tell
from upsample_cli.commands.output.picture_lines import is_over
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import MAX_PIXELS, Place, parse_file

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.commands.output.measure_output import CsvTable, JsonLines, TextTable
    from upsample_cli.jobs.measure.measure import Measurement, MeasureOptions

    Result = tuple[str, Measurement | None, str | None]
    """The name of a picture, and its measurement or an error."""


def _stride(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """Return the value of --stride; None for auto."""
    try:
        return None if value == "auto" else int(value)
    except ValueError:
        raise SettingError(f"--stride {value} is no stride; give 2..16, or auto") from None


@click.command(short_help="Measure the checkerboard in pictures.")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--stride", callback=_stride, default="auto", show_default=True, metavar="N|auto",
              help="Period to look for, in pixels, 2..16; auto: 2..8.")  # fmt: skip
@click.option("--map", "heat_map", metavar="OUT.png", help="Draw where the checkerboard is.")
@click.option("--spectrum", metavar="OUT.png", help="Draw the spectrum and the stride's lines.")
@click.option("--reference", metavar="LOW", help="What the picture was enlarged from.")
@click.option("--max-ripple", type=Limit(0), metavar="LEVELS",
              help="Exit with 4 where there is more.")  # fmt: skip
@click.option("-f", "--force", is_flag=True, help="Let figures replace files.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="A CSV line a picture.")
@max_pixels_option
def measure(
    images: tuple[str, ...],
    stride: int | None,
    heat_map: str | None,
    spectrum: str | None,
    reference: str | None,
    max_ripple: float | None,
    force: bool,
    as_json: bool,
    as_csv: bool,
    max_pixels: int | None,
) -> int:
    """Measure the checkerboard in pictures that any tool made; "-" is standard input.

    A line a picture: the stride it repeats with, the verdict, the pattern's RMS in levels of
    0..255 (ripple), what could not have been seen (floor), the pattern's power over its error
    (contrast), and how far patterns of changing sign stand out (local). Colours are measured one
    by one too, and the worst is told. With --reference what an even enlargement of LOW shows is
    taken off first: for pictures that repeat by nature, as brickwork and halftones do.
    """
    from upsample_cli.commands.output.measure_output import CsvTable, JsonLines, TextTable
    from upsample_cli.jobs.measure.measure import MeasureOptions

    if as_json and as_csv:
        raise SettingError("--json and --csv exclude each other; give one")
    files: list[Place | None] = []
    for option, name in (("map", heat_map), ("spectrum", spectrum), ("reference", reference)):
        if name and len(images) > 1:
            raise SettingError(f"--{option} is for one picture, not {len(images)}; name one")
        files.append(parse_file(name) if name else None)
    map_file, spectrum_file, low = files
    if map_file and spectrum_file and map_file.key == spectrum_file.key:
        raise SettingError(f"--map and --spectrum are both {map_file.key}; name two files")
    max_pixels = max_pixels or MAX_PIXELS
    options = MeasureOptions(stride, low, map_file, spectrum_file, force, max_pixels)
    width = max(len("picture"), *(len(printable(image)) for image in images))
    table = JsonLines() if as_json else CsvTable() if as_csv else TextTable(width)
    return _print(_results(images, options), table, max_ripple)


def _results(images: tuple[str, ...], options: "MeasureOptions") -> "Iterator[Result]":
    from upsample_cli.jobs.measure.measure import measure as job

    for source in images:
        try:
            yield source, job(parse_file(source), options), None
        except ImageFileError as error:
            yield source, None, str(error)


def _print(
    results: "Iterable[Result]",
    table: "TextTable | JsonLines | CsvTable",
    max_ripple: float | None,
) -> int:
    """Print each result as it comes, and return the exit code."""
    failed = over = False
    for source, measurement, error in results:
        if error is not None:
            failed = True
            tell("Error", error)
        if measurement is not None:
            over |= is_over(max_ripple, measurement.luma, *measurement.channels.values())
        for line in table.lines(source, measurement, error):
            click.echo(line)
    return FAILED if failed else OVER_RIPPLE if over else DONE
