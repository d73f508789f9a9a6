"""`upsample INPUT OUTPUT`: the main command; its help shows the options in groups."""

from collections.abc import Mapping
from typing import Any

import click

from upsample_cli.commands.arguments.options import (
    BoundedNumber,
    Whole,
    complete_files,
    complete_words,
    folder_options,
    jobs_option,
    json_option,
    layout_option,
    limit_options,
    method_options,
)
from upsample_cli.commands.arguments.request import ARRAY_FORMATS, upsample_request
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.methods.catalogue import METHODS

_PARAMETERS = tuple(dict.fromkeys(item.name for method in METHODS for item in method.parameters()))
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Size": ("scale", "size", "fit"),
    "Method": ("method", *_PARAMETERS, "boundary"),
    "Colour and transparency": ("linear", "alpha", "background"),
    "Output": ("format", "quality", "compression", "lossless", "strip", "force"),
    "Folders": (
        "include", "exclude", "files_from", "null", "name", "skip_existing", "update", "jobs",
        "cluster", "dry_run",
    ),
    "Report": ("report", "no_report", "as_json", "max_ripple", "quiet"),
    "Limits": ("max_pixels", "max_memory", "strict"),
    "Masks and feature maps": ("labels", "layout"),
}  # fmt: skip
"""The groups of options in the help: names of options by the title of their group."""


class _GroupedCommand(click.Command):
    """A command whose help shows its options in the groups of `GROUPS`."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write how to call the command, and how to get the help of other commands."""
        super().format_usage(ctx, formatter)
        formatter.write_usage(ctx.command_path, "COMMAND --help", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of each group under its title, in the order of `GROUPS`."""
        records = {
            option.name: record
            for option in self.get_params(ctx)
            if isinstance(option, click.Option)
            and (record := option.get_help_record(ctx)) is not None
        }
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([records.pop(name) for name in names])
        with formatter.section("Other"):
            formatter.write_dl([("-V, --version", "Show the version and exit."), *records.values()])


@click.command(
    cls=_GroupedCommand,
    short_help="Enlarge pictures.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument(
    "paths", nargs=-1, required=True, metavar="INPUT... OUTPUT", shell_complete=complete_files
)
@click.option("-m", "--method", metavar="NAME",
              shell_complete=complete_words([method.name for method in METHODS]),
              help="How to enlarge; `upsample methods` lists all; default network.")  # fmt: skip
@click.option("-s", "--scale", type=BoundedNumber(), metavar="FACTOR",
              help="Output pixels per input pixel, 1 to 64; default 2.")  # fmt: skip
@click.option("--size", metavar="WxH|Wx|xH", help="Exact size in pixels, instead of a scale.")
@click.option("--fit", type=click.Choice(("stretch", "contain", "cover")),
              help="Stretch to WxH, fit inside, or fill and crop; default stretch.")  # fmt: skip
@method_options
@click.option("--boundary", type=click.Choice(("symmetric", "nearest", "zero")),
              default="symmetric",
              help="What to assume beyond the edges; default symmetric.")  # fmt: skip
@click.option("--linear", is_flag=True, help="Filter in linear light.")
@click.option("--alpha", type=click.Choice(("premultiplied", "straight")),
              help="How to filter colours near transparency; default premultiplied.")  # fmt: skip
@click.option("--format", type=click.Choice((*FORMATS, *ARRAY_FORMATS)),
              help="Format, if the output has no suffix; default the input's.")  # fmt: skip
@click.option("--quality", type=Whole(1, 100), metavar="N",
              help="Quality of JPEG, WebP and AVIF, 1 to 100.")  # fmt: skip
@click.option("--compression", type=Whole(0, 9), metavar="N",
              help="Compression of PNG, 0 (none) to 9 (smallest); default 2.")  # fmt: skip
@click.option("--lossless", is_flag=True, help="Write WebP and AVIF without loss.")
@click.option("--background", metavar="COLOUR", help="Colour under transparency: white or #rrggbb.")
@layout_option("hw", "chw", "hwc", "nchw")
@click.option("--labels", is_flag=True, help="Enlarge a mask of class numbers; no new ones appear.")
@click.option("--strip", is_flag=True, help="Leave out all metadata but the colour profile.")
@click.option("--strict", is_flag=True,
              help="Also refuse files that are damaged outside their pixel data.")  # fmt: skip
@click.option("-f", "--force", is_flag=True, help="Replace outputs that exist.")
@folder_options
@jobs_option
@click.option("--cluster", metavar="ADDRESS",
              help="Address of a Dask cluster that enlarges a folder.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what would be done, and write nothing.")
@click.option("--max-ripple", type=BoundedNumber(0), metavar="LEVELS",
              help="Exit with 4 if the ripple is over LEVELS or unknown.")  # fmt: skip
@limit_options
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def upsample(paths: tuple[str, ...], **options: Any) -> int:
    """Enlarge INPUT into OUTPUT: files, folders, URLs of either, or - for stdin and stdout.

    \b
    upsample photo.jpg large.png
    upsample photo.jpg large.png --scale 3 --method lanczos
    upsample - - --size 1920x < photo.png > wide.png
    upsample photos/ large/ --exclude thumbs --skip-existing
    find . -name "*.jpg" -print0 | upsample --files-from - -0 large/
    upsample s3://bucket/photos s3://bucket/large
    upsample features.npy larger.npy --layout chw -m bicubic

    The default method is network, which has the best quality. tconv is faster, and the default for
    masks, feature maps and --kernel.

    Kernels of tconv: learned, learned-sharp, learned-soft, uniform, bilinear, bicubic, lanczos,
    gaussian, random. Of resize-conv: the learned ones, box, gaussian, sharpen. Of both: a file.

    Exit codes: 0 all done; 1 a picture failed; 2 wrong usage; 3 nothing to do; 4 a checkerboard is
    over --max-ripple or --max-levels, or is unknown (in `upsample audit`: 1); 130 interrupted. More
    is in `upsample methods` and `upsample guide`.
    """  # noqa: D301 # click needs the \b itself
    request = upsample_request(paths, **options)
    if request.is_for_feature_maps:
        from upsample_cli.commands import feature_maps

        return feature_maps.enlarge(request)
    if request.is_for_one_file:
        from upsample_cli.commands import single

        return single.enlarge(request)
    from upsample_cli.commands import batch

    return batch.enlarge(request)
