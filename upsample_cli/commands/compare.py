"""`upsample compare`: every method on one's own pictures, in one page."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands.options import (
    Number,
    Whole,
    complete_files,
    json_option,
    max_memory_option,
    max_pixels_option,
)
from upsample_cli.commands.output import exit_codes
from upsample_cli.commands.output.messages import tell
from upsample_cli.errors import SettingError, UpsampleError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import MAX_PIXELS, STREAM, Place, parse, parse_file
from upsample_cli.jobs.runtime.process import cores

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.jobs.compare.compare import Comparison
    from upsample_cli.jobs.compare.many_pictures import Collected
    from upsample_cli.jobs.compare.method_list import NamedMethod
    from upsample_cli.jobs.compare.subject import CompareOptions

_PAGE = "compare.html"


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """The options of the command; their help is below."""

    source: str
    output: str | None
    methods: str | None
    scale: float | None
    reference: str | None
    shrink: bool
    crop: str | None
    force: bool
    jobs: int | None
    as_json: bool
    max_pixels: int | None

    def options(self) -> "CompareOptions":
        """Return how to compare."""
        from upsample_cli.jobs.compare.areas import Box
        from upsample_cli.jobs.compare.subject import CompareOptions

        reference = parse_file(self.reference) if self.reference else None
        crop = Box.parsed(self.crop) if self.crop else None
        return CompareOptions(self.scale, reference, self.shrink, crop,
                              self.max_pixels or MAX_PIXELS, self.jobs or cores())  # fmt: skip

    def target(self, source: Place) -> Place | None:
        """Return where to write, checked; None where only figures are wanted."""
        name = self.output or (None if self.as_json else _PAGE)
        if name is None:
            return None
        target = parse_file(name)
        if target.suffix not in (".html", ".png"):
            raise SettingError(f"{name} is no .html and no .png; name a page or a sheet of crops")
        target.check_target(source, self.force)
        return target


@click.command(short_help="Show every method on a picture, in one page.")
@click.argument("source", metavar="PICTURE|FOLDER", shell_complete=complete_files)
@click.option("-o", "--output", metavar="FILE", shell_complete=complete_files,
              help=f"Page FILE.html, or sheet FILE.png ({_PAGE}).")  # fmt: skip
@click.option("--methods", metavar="LIST", help="Such as bicubic,tconv:kernel=learned-soft.")
@click.option(
    "-s", "--scale", type=Number(), metavar="N", help="Output pixels per input pixel (2)."
)
@click.option("--reference", metavar="LARGE", shell_complete=complete_files,
              help="What the enlarged picture should be.")  # fmt: skip
@click.option("--shrink", is_flag=True, help="Shrink it first: it is its own reference.")
@click.option("--crop", metavar="X,Y,W,H", help="The part to show, in pixels of the picture.")
@click.option("-f", "--force", is_flag=True, help="Replace a file that is there.")
@click.option("-j", "--jobs", type=Whole(1), metavar="N", help="Work on so many cores (all).")
@json_option
@max_pixels_option
@max_memory_option
def compare(**values: Any) -> int:
    """Enlarge a picture by many methods, and show them side by side.

    The page is one file that opens from disk: two methods under a slider, zoom, a table of
    figures, each method's kernel, spectrum and heat maps. PSNR and SSIM are told where the truth
    is known. Of a folder the table has mean and worst, and the page shows the worst pictures.

    \b
    upsample compare photo.png -o page.html
    upsample compare photo.png -s 4 -o sheet.png --crop 150,70,96,96
    upsample compare photos/ --shrink --methods bicubic,tconv,tconv:kernel=mine.npz
    """  # noqa: D301 # click needs the \b itself
    from upsample_cli.jobs.compare import method_list
    from upsample_cli.jobs.compare.many_pictures import Collected, compared

    request = CompareRequest(**values)
    options, place = request.options(), parse(request.source)
    if isinstance(place, Folder) and (request.reference or request.crop):
        raise SettingError("--reference and --crop are for one picture, not a folder; name one")
    target = request.target(parse_file(STREAM) if isinstance(place, Folder) else place)
    methods = (method_list.parsed(request.methods) if request.methods
               else method_list.by_default(options.scale or 2.0))  # fmt: skip
    collected, failed = Collected(), 0
    for source, comparison in compared(place, methods, options):
        if isinstance(comparison, UpsampleError):
            tell("Error", str(comparison))
            failed += 1
            continue
        collected.add(comparison)
        if request.as_json:
            click.echo(_json(source, comparison))
    if collected.results:
        _finish(collected, methods, target, request, options.threads)
    return exit_codes.of_pictures({"done": len(collected.results), "failed": failed}, False)


def _json(source: Place, comparison: "Comparison") -> str:
    """Return the figures of a picture for programs."""
    import json

    from upsample_cli.jobs.compare.figures_table import figures

    subject = comparison.subject
    return json.dumps({
        "input": str(source), "width": subject.size[1], "height": subject.size[0],
        "scale": subject.scale, "methods": list(map(figures, comparison.results)),
    })  # fmt: skip


def _finish(
    collected: "Collected",
    methods: "list[NamedMethod]",
    target: Place | None,
    request: CompareRequest,
    threads: int,
) -> None:
    """Write the page or the sheet, and print the table."""
    from upsample_cli.commands.output.text_tables import aligned
    from upsample_cli.jobs.compare import html_page
    from upsample_cli.jobs.compare.figures_table import table

    figures, worst = table(collected.results), collected.worst
    if target is not None:
        if target.suffix == ".png":
            data = html_page.sheet(worst[0], methods)
        else:
            data = html_page.page(worst, methods, figures, len(collected.results), threads)
        with target.writing(request.force) as file:
            file.write(data)
    if not request.as_json:
        click.echo(aligned([[title for title, _ in figures.header], *figures.rows]))
        if target is not None:
            click.echo(f"{target}  {len(data) / 1e6:.1f} MB")
