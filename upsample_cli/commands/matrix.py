"""`upsample matrix`: show what a transposed convolution is, on a case small enough to see."""

from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands.arguments.options import Whole, json_option
from upsample_cli.errors import SettingError

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.jobs.matrix import SmallConvolution


@click.command(short_help="Show a small convolution as a matrix.")
@click.option(
    "--input", metavar="HxW", help="Size of the image that is convolved; default 4x4 at stride 1."
)
@click.option(
    "--small",
    metavar="HxW",
    help="Size of the transpose's input; default 2x2 if strided.",
)
@click.option("-k", "--kernel", default="3", metavar="HxW|NAME|FILE",
              help="Size, name or file of the kernel; default 3.")  # fmt: skip
@click.option("--kernel-size", type=Whole(1), metavar="N",
              help="Taps along each axis, of uniform, random or gaussian.")  # fmt: skip
@click.option(
    "--stride",
    type=Whole(1),
    metavar="N",
    help="Pixels from one window to the next; default 1, or a kernel file's.",
)
@click.option("--padding", type=Whole(0), default=0, metavar="N",
              help="Zeros added around the image; default 0.")  # fmt: skip
@click.option("--dilation", type=Whole(1), default=1, metavar="N",
              help="Pixels from one tap to the next; default 1.")  # fmt: skip
@click.option("-o", "--output", metavar="PICTURE.png", help="Also save it as a PNG.")
@click.option("-f", "--force", is_flag=True, help="Replace a picture that exists.")
@json_option
def matrix(output: str | None, force: bool, as_json: bool, **settings: Any) -> None:
    """Show a small convolution as a matrix, and its transpose, the transposed convolution.

    Letters are taps, dots are zeros. Equal taps make a checkerboard where outputs get different
    numbers of inputs.

    \b
    upsample matrix
    upsample matrix --small 3x3 --kernel 3 --stride 2 -o matrix.png
    """  # noqa: D301 # click needs the \b itself
    from upsample_cli.jobs.matrix import small_convolution

    if output is not None and not output.endswith(".png"):
        raise SettingError(f"{output} is not a .png file; name a .png file")
    conv = small_convolution(**settings)
    if output is not None:
        _draw(conv, output, force)
    click.echo(_json(conv) if as_json else _text(conv))


def _draw(conv: "SmallConvolution", output: str, force: bool) -> None:
    """Write the convolution as a figure, in a PNG file."""
    from upsample_cli.images.places.place import parse_file
    from upsample_cli.jobs.matrix_figure import figure

    target = parse_file(output)
    target.check_target((), force)
    with target.writing(force) as file:
        file.write(figure(conv).to_png())


def _text(conv: "SmallConvolution") -> str:
    """Return the convolution as text for people."""
    from upsample_cli.commands.output.text_tables import beside, grid, number_cells, pixel_numbers
    from upsample_cli.jobs.matrix import LETTERS, as_text

    (height, width), (rows, columns) = conv.large, conv.cells.shape
    names = [".", *LETTERS]
    cells = [[names[tap] for tap in row] for row in conv.cells]
    kernel_h, kernel_w = conv.taps.shape
    letters = [[names[i * kernel_w + j + 1] for j in range(kernel_w)] for i in range(kernel_h)]
    grids = [
        (f"image {as_text(conv.large)}", grid(list(pixel_numbers(height, width)))),
        (f"kernel {as_text(conv.taps.shape)}", grid(letters)),
        (f"result {as_text(conv.small)}", grid(list(pixel_numbers(*conv.small)))),
    ]
    if conv.kernel:
        grids.insert(2, (f"taps of {conv.kernel}", grid(number_cells(conv.taps))))
    touches, gets = (grid(number_cells(counts)) for counts in (conv.touches, conv.gets))
    blocks = [
        [f"stride {conv.stride}, padding {conv.padding}, dilation {conv.dilation}"],
        beside(*grids),
        [f"matrix {rows}x{columns}, a row for each pixel of the result"],
        grid(cells, (conv.small[1], width)),
        [f"transpose {columns}x{rows}, takes {as_text(conv.small)} to {as_text(conv.large)}: "
         "the transposed convolution"],
        grid(list(zip(*cells, strict=True)), (width, conv.small[1])),
        beside(("outputs that each input touches", touches),
               ("inputs that each output gets", gets)),
        [conv.overlap, conv.ripples, conv.verification],
    ]  # fmt: skip
    return "\n\n".join("\n".join(lines) for lines in blocks)


def _json(conv: "SmallConvolution") -> str:
    """Return the convolution as JSON for programs."""
    import json

    return json.dumps({
        "input": conv.large, "output": conv.small, "kernel": conv.kernel or None,
        "taps": conv.taps.tolist(), "stride": conv.stride, "padding": conv.padding,
        "dilation": conv.dilation, "matrix": conv.matrix.tolist(), "cells": conv.cells.tolist(),
        "touches": conv.touches.tolist(), "gets": conv.gets.tolist(), "even": conv.even,
        "ripple": conv.ripple, "verified": conv.verified, "difference": conv.difference,
    })  # fmt: skip
