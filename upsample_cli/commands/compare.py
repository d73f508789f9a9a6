"""`upsample compare`: many methods side by side on the user's pictures, in one page."""

from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands import exit_codes
from upsample_cli.commands.arguments.options import (
    BoundedNumber,
    Whole,
    complete_files,
    file_option,
    json_option,
    limit_options,
)
from upsample_cli.commands.output.messages import print_message
from upsample_cli.commands.output.text_and_json import aligned, in_json
from upsample_cli.errors import SettingError, UpsampleError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import MAX_PIXELS, Place, parse, parse_file
from upsample_cli.jobs.enlarge.task import TargetSize
from upsample_cli.process import cores

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.jobs.compare.compare import Comparison
    from upsample_cli.jobs.compare.figures_table import Table
    from upsample_cli.jobs.compare.subject import Box, Options

_PAGE = "compare.html"
_WORST = 3  # how many of a folder's pictures the page shows


@click.command(short_help="Show many methods on a picture, in one page.")
@click.argument("source", metavar="PICTURE|FOLDER", shell_complete=complete_files)
@file_option("-o", "--output", metavar="FILE",
             help=f"Page (.html) or sheet of crops (.png); default {_PAGE}.")  # fmt: skip
@click.option("--methods", metavar="LIST",
              help="Methods to show, such as bicubic,tconv:kernel=uniform.")  # fmt: skip
@click.option("-s", "--scale", type=BoundedNumber(), metavar="N",
              help="Output pixels per input pixel, 1 to 64; default 2.")  # fmt: skip
@file_option("--reference", metavar="LARGE", help="The true large picture, for PSNR and SSIM.")
@click.option("--shrink", is_flag=True,
              help="Shrink the picture first, and compare with the original.")  # fmt: skip
@click.option("--crop", metavar="X,Y,W,H", help="The part to show, in the picture's pixels.")
@click.option("-f", "--force", is_flag=True, help="Replace a file that exists.")
@click.option("-j", "--jobs", type=Whole(1), metavar="N",
              help="Methods to work on at once; default one for each core.")  # fmt: skip
@json_option
@limit_options
def compare(source: str, output: str | None, methods: str | None, force: bool, as_json: bool,
            **settings: Any) -> int:  # fmt: skip
    """Enlarge a picture by many methods, and show them side by side.

    The page is one file that opens from disk: two methods under a slider, a table of figures, the
    kernel, spectrum and heat maps of each. PSNR and SSIM need --reference or --shrink. For a folder
    the table has mean and worst, and the page shows the worst pictures. With --json the figures
    are printed, and a file is written only with -o.

    \b
    upsample compare photo.png -o page.html
    upsample compare photo.png -s 4 -o sheet.png --crop 150,70,96,96
    upsample compare photos/ --shrink --methods bicubic,tconv,tconv:kernel=mine.npz
    """  # noqa: D301 # click needs the \b itself
    from upsample_cli.jobs.compare import figures_table, subject
    from upsample_cli.jobs.compare.compare import compare_all

    options, place = _options(**settings), parse(source)
    if isinstance(place, Folder) and (options.reference or options.crop):
        option = "--reference" if options.reference else "--crop"
        raise SettingError(f"{option} is for one picture, not a folder; leave it out")
    sources = [item for item in (place, options.reference) if isinstance(item, Place)]
    target = _target(sources, output or ("" if as_json else _PAGE), force)
    named = None if methods is None else subject.methods_of(methods)
    scores, worst, failed = [], list["Comparison"](), 0
    for picture, result in compare_all(place, named, options):
        if isinstance(result, UpsampleError):
            failed += 1
            print_message("Error", str(result))
        else:
            for note in result.subject.notes:
                print_message("note", f"{picture.label}: {note}")
            scores.append(result.scores)
            worst = sorted([*worst, result], key=figures_table.badness, reverse=True)[:_WORST]
        if as_json:
            click.echo(_line(picture, result))
    if scores:
        table = figures_table.table(scores)
        if target is not None:
            _write(target, worst, table, len(scores), force)
        if not as_json:
            click.echo(aligned([[title for title, _ in table.header], *table.rows]))
    elif not failed:
        print_message("note", "found no picture to compare")
    return exit_codes.exit_code_of({"done": len(scores), "failed": failed}, False)


def _line(picture: Place, result: "Comparison | UpsampleError") -> str:
    """Return the figures of a picture, or its error, as one line of JSON."""
    from upsample_cli.jobs.compare.figures_table import figures

    if isinstance(result, UpsampleError):
        return in_json({"input": str(picture), "status": "failed", "error": str(result)})
    height, width = result.subject.size
    return in_json({
        "input": str(picture), "status": "done", "error": None, "width": width, "height": height,
        "scale": result.subject.scale, "notes": result.subject.notes,
        "methods": list(map(figures, result.scores)),
    })  # fmt: skip


def _write(
    target: Place, worst: "list[Comparison]", table: "Table", count: int, force: bool
) -> None:
    """Write the page, or a sheet of crops of the worst picture."""
    from upsample_cli.jobs.compare.html_page import page, sheet

    data = sheet(worst[0]) if target.suffix == ".png" else page(worst, table, count)
    with target.writing(force) as file:
        file.write(data)


def _options(scale: float | None, reference: str | None, shrink: bool, crop: str | None,
             jobs: int | None, max_pixels: int | None) -> "Options":  # fmt: skip
    """Check the options and return how to compare."""
    from upsample_cli.jobs.compare.subject import Options

    TargetSize(scale)  # raises a `SettingError` for an invalid scale
    if reference and shrink:
        raise SettingError("--reference and --shrink cannot be used together; leave one out")
    truth = parse_file(reference) if reference else None
    box = None if crop is None else _box(crop)
    return Options(scale, truth, shrink, box, max_pixels or MAX_PIXELS, jobs or cores())


def _box(text: str) -> "Box":
    from upsample_cli.jobs.compare.subject import Box

    words = text.split(",")
    if len(words) != 4 or not all(word.isascii() and word.isdecimal() for word in words):
        raise SettingError(f"invalid --crop '{text}'; give X,Y,WIDTH,HEIGHT in pixels")
    box = Box(*map(int, words))
    if not (box.width and box.height):
        raise SettingError(f"--crop {text} is empty; give a WIDTH and HEIGHT of 1 or more")
    return box


def _target(sources: list[Place], name: str, force: bool) -> Place | None:
    """Check and return where to write; None for an empty name."""
    if not name:
        return None
    target = parse_file(name)
    if target.suffix not in (".html", ".png"):
        raise SettingError(f"{name} is neither a page nor a sheet; name a .html or .png file")
    target.check_target(sources, force)
    return target
