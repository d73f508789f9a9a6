"""`upsample measure`: the checkerboard in pictures that any tool made."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands.exit_codes import FAILED, OVER_RIPPLE
from upsample_cli.commands.options import Limit, json_option, max_pixels_option
from upsample_cli.commands.output.messages import printable, tell
from upsample_cli.commands.output.picture_lines import is_over
from upsample_cli.errors import ImageFileError, SettingError

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.jobs.measure.measure import Measurement, Request

    Found = tuple[str, Measurement | None, str | None]
    """A picture's name, and what was found in it or else why nothing was."""


def _stride(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """Return the stride of a text, None for auto."""
    try:
        return None if value == "auto" else int(value)
    except ValueError:
        raise SettingError(f"--stride {value} is no stride; give 2..16, or auto") from None


@click.command(short_help="Measure the checkerboard in pictures.")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--stride", callback=_stride, default="auto", show_default=True, metavar="N|auto",
              help="Period to look for, in pixels, 2..16; auto: 2..8.")  # fmt: skip
@click.option("--map", "heat", metavar="OUT.png", help="Draw where the checkerboard is.")
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
    max_ripple: float | None,
    as_json: bool,
    as_csv: bool,
    max_pixels: int | None,
    **wishes: Any,
) -> int:
    """Measure the checkerboard in pictures that any tool made; "-" is standard input.

    A line a picture: the stride it repeats with, the verdict, the pattern's RMS in levels of
    0..255 (ripple), what could not have been seen (floor), the pattern's power over its error
    (contrast), and how far patterns of changing sign stand out (local). Colours are measured one
    by one too, and the worst is told. With --reference what an even enlargement of LOW shows is
    taken off first: for pictures that repeat by nature, as brickwork and halftones do.
    """
    from upsample_cli.commands.output.measure_output import CsvTable, JsonLines, TextTable
    from upsample_cli.images.places.source import MAX_PIXELS
    from upsample_cli.jobs.measure.measure import Request

    for option, name in (("--map", "heat"), ("--spectrum",) * 2, ("--reference",) * 2):
        if wishes[name.strip("-")] and len(images) > 1:
            raise SettingError(f"{option} is for one picture, not {len(images)}; name one")
    heat, spectrum = (wishes[each] and Path(wishes[each]) for each in ("heat", "spectrum"))
    if heat and heat == spectrum:
        raise SettingError(f"--map and --spectrum are both {heat}; name two files")
    if as_json and as_csv:
        raise SettingError("--json and --csv exclude each other; give one")
    found = _found(images, Request(**wishes, max_pixels=max_pixels or MAX_PIXELS))
    wide = max(len("picture"), *(len(printable(each)) for each in images))
    table = JsonLines() if as_json else CsvTable() if as_csv else TextTable(wide)
    failed = over = False
    for source, measured, error in found:
        if error is not None:
            failed = True
            tell("Error", error)
        if measured is not None:
            over |= is_over(max_ripple, measured.luma, *measured.channels.values())
        for line in table.lines(source, measured, error):
            click.echo(line)
    return FAILED if failed else OVER_RIPPLE if over else 0


def _found(images: tuple[str, ...], request: "Request") -> "Iterator[Found]":
    from upsample_cli.jobs.measure.measure import measure as job

    for source in images:
        try:
            yield source, job(source, request), None
        except ImageFileError as error:
            yield source, None, str(error)
