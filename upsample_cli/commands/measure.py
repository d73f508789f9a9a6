"""`upsample measure`: the checkerboard in pictures that any tool made."""

import click

from upsample_cli.commands.options import json_option, max_pixels_option
from upsample_cli.commands.words import tell
from upsample_cli.errors import ImageFileError


@click.command(short_help="Measure the checkerboard in pictures.")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--stride", type=int, default=2, show_default=True, metavar="N",
              help="Period to look for, in pixels, 2..16.")  # fmt: skip
@json_option
@max_pixels_option
def measure(images: tuple[str, ...], stride: int, as_json: bool, max_pixels: int | None) -> int:
    """Measure the checkerboard in pictures; "-" is standard input.

    A line a picture: the verdict, the pattern's RMS in levels of 0..255, its power over its own
    error, and the floor under which nothing could have been seen.
    """
    from upsample_cli.commands.tables import in_words, measured_json
    from upsample_cli.images.decoding import MAX_PIXELS
    from upsample_cli.jobs import measure as job

    failed = False
    for source in images:
        try:
            found = job.measure(source, stride, max_pixels or MAX_PIXELS)
        except ImageFileError as error:
            failed = True
            if as_json:
                click.echo(measured_json(source, None, str(error)))
            tell("Error", str(error))
            continue
        text = f"{source}  stride {stride}  {in_words(found)}"
        if found.status == "ok":
            text += f"  {found.contrast_db:.1f} dB"
        click.echo(measured_json(source, found, None) if as_json else text)
    return 1 if failed else 0
