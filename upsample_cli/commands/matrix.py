"""`upsample matrix`: what a transposed convolution is, on a case small enough to see."""

from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands.options import Whole, given, json_option
from upsample_cli.errors import SettingError

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.jobs.teach.matrix_layout import Layout


@click.command(short_help="Show a small convolution as a matrix.")
@click.option("--input", metavar="HxW", help="Image that is convolved (4x4).")
@click.option("--small", metavar="HxW", help="Result, the transpose's input, instead.")
@click.option(
    "-k", "--kernel", metavar="HxW|NAME|FILE", help="Size, fixed kernel or kernel file (3)."
)
@click.option("--kernel-size", type=Whole(1), metavar="N",
              help="Taps an axis of uniform, random, gaussian.")  # fmt: skip
@click.option("--stride", type=Whole(1), metavar="N", help="From one window to the next (1).")
@click.option("--padding", type=Whole(0), metavar="N", help="Zeros around the image (0).")
@click.option("--dilation", type=Whole(1), metavar="N", help="From one tap to the next (1).")
@click.option("-o", "--output", metavar="PICTURE.png", help="Draw it too, for a wall.")
@click.option("-f", "--force", is_flag=True, help="Replace a picture that is there.")
@json_option
def matrix(output: str | None, force: bool, as_json: bool, **settings: Any) -> None:
    """Show a small convolution as a matrix, and its transpose, the transposed convolution.

    Letters are taps, dots are zeros. How many inputs each output gets tells whether equal taps
    make a checkerboard.

    \b
    upsample matrix
    upsample matrix --small 3x3 --kernel 3 --stride 2 -o matrix.png
    """  # noqa: D301 # click needs the \b itself
    if output is not None and not output.endswith(".png"):
        raise SettingError(f"{output} is no .png; name the picture PICTURE.png")
    from upsample_cli.images.places import target
    from upsample_cli.jobs.teach.matrix import layout

    found = layout(**given(settings))
    if output is not None:
        from upsample_cli.jobs.teach.matrix_figure import figure

        target.check(output, target.STREAM, force)
        with target.opened(output, force) as file:
            file.write(figure(found).to_png())
    click.echo(_json(found) if as_json else _text(found))


def _text(found: "Layout") -> str:
    """Return all there is to see, for people."""
    from upsample_cli.commands.output.text_tables import beside, grid, numbered, numbers
    from upsample_cli.jobs.teach.matrix_layout import LETTERS, by

    (height, width), (rows, columns) = found.large, found.cells.shape
    names = [".", *LETTERS]
    cells = [[names[tap] for tap in row] for row in found.cells]
    wide = found.taps.shape[1]
    letters = [[names[i * wide + j + 1] for j in range(wide)] for i in range(len(found.taps))]
    grids = [
        (f"image {by(found.large)}", grid(list(numbered(height, width)))),
        (f"kernel {by(found.taps.shape)}", grid(letters)),
        (f"result {by(found.small)}", grid(list(numbered(*found.small)))),
    ]
    if found.kernel:
        grids.insert(2, (f"taps of {found.kernel}", grid(numbers(found.taps))))
    touches, gets = (grid(numbers(counts)) for counts in (found.touches, found.gets))
    blocks = [
        [f"stride {found.stride}, padding {found.padding}, dilation {found.dilation}"],
        beside(*grids),
        [f"matrix {rows}x{columns}, a row for each pixel of the result"],
        grid(cells, (found.small[1], width)),
        [f"transpose {columns}x{rows}, takes {by(found.small)} to {by(found.large)}: "
         "the transposed convolution"],
        grid(list(zip(*cells, strict=True)), (width, found.small[1])),
        beside(("outputs that each input touches", touches),
               ("inputs that each output gets", gets)),
        [found.overlap, found.ripples, found.verification],
    ]  # fmt: skip
    return "\n\n".join("\n".join(lines) for lines in blocks)


def _json(found: "Layout") -> str:
    """Return all there is to see, for programs."""
    import json

    return json.dumps({
        "input": found.large, "output": found.small, "kernel": found.kernel or None,
        "taps": found.taps.tolist(), "stride": found.stride, "padding": found.padding,
        "dilation": found.dilation, "matrix": found.matrix.tolist(), "cells": found.cells.tolist(),
        "touches": found.touches.tolist(), "gets": found.gets.tolist(), "even": found.even,
        "ripple": found.ripple, "verified": found.verified, "difference": found.difference,
    })  # fmt: skip
