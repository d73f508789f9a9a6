"""`upsample matrix`: show what a transposed convolution is, on a case small enough to see."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands.arguments.options import (
    Whole,
    complete_words,
    file_option,
    json_option,
)
from upsample_cli.commands.exit_codes import failures_as_json
from upsample_cli.commands.output.text_and_json import in_json
from upsample_cli.errors import SettingError
from upsample_cli.methods.convolution import FIXED

if TYPE_CHECKING:  # --help must not wait for NumPy
    import numpy as np
    from numpy.typing import NDArray

    from upsample_cli.jobs.matrix import SmallConvolution


@click.command(short_help="Show a small convolution as a matrix.")
@click.option("--input", metavar="HxW",
              help="Size of the image that is convolved; default 4x4 at stride 1.")  # fmt: skip
@click.option("--small", metavar="HxW",
              help="Size of the transpose's input; default 2x2 if strided.")  # fmt: skip
@click.option("-k", "--kernel", default="3", metavar="HxW|NAME|FILE",
              shell_complete=complete_words(FIXED, or_files=True),
              help="Size, name or file of the kernel; default 3.")  # fmt: skip
@click.option("--kernel-size", type=Whole(1), metavar="N",
              help="Taps along each axis, of uniform, random or gaussian.")  # fmt: skip
@click.option(
    "--stride", type=Whole(1), metavar="N",
    help="Pixels from one window to the next; default 1, or a kernel file's.",
)  # fmt: skip
@click.option("--padding", type=Whole(0), default=0, metavar="N",
              help="Zeros added around the image; default 0.")  # fmt: skip
@click.option("--dilation", type=Whole(1), default=1, metavar="N",
              help="Pixels from one tap to the next; default 1.")  # fmt: skip
@file_option("-o", "--output", metavar="PICTURE.png", help="Also save it as a PNG.")
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

    if output is not None and not output.lower().endswith(".png"):
        raise SettingError(f"{output} is not a .png file; name a .png file")
    failed = {"status": "failed"}
    with failures_as_json(as_json, False, lambda text: in_json({**failed, "error": text})):
        conv = small_convolution(**settings)
        if output is not None:
            _draw(conv, output, force)
    click.echo(_json(conv) if as_json else _text(conv))


def _draw(conv: "SmallConvolution", output: str, force: bool) -> None:
    from upsample_cli.images.places.place import parse_file
    from upsample_cli.jobs.matrix_figure import figure

    target = parse_file(output)
    target.check_target((), force)
    with target.writing(force) as file:
        file.write(figure(conv).to_png())


def _text(conv: "SmallConvolution") -> str:
    """Return the convolution as text for people."""
    import numpy as np

    from upsample_cli.jobs.matrix import LETTERS, as_text

    (rows, columns), across = conv.cells.shape, conv.large[1]
    names = np.array([".", *LETTERS])
    cells, letters = names[conv.cells], names[1 : conv.taps.size + 1].reshape(conv.taps.shape)
    image, result = (np.arange(h * w).reshape(h, w) for h, w in (conv.large, conv.small))
    grids = [
        (f"image {as_text(conv.large)}", _numbers(image)),
        (f"kernel {as_text(conv.taps.shape)}", _grid(letters)),
        (f"result {as_text(conv.small)}", _numbers(result)),
    ]
    if conv.kernel:
        grids.insert(2, (f"taps of {conv.kernel}", _numbers(conv.taps)))
    blocks = [
        [f"stride {conv.stride}, padding {conv.padding}, dilation {conv.dilation}"],
        _beside(*grids),
        [f"matrix {rows}x{columns}, a row for each pixel of the result"],
        _matrix(cells, conv.small[1], across),
        [f"transpose {columns}x{rows}, takes {as_text(conv.small)} to {as_text(conv.large)}: "
         "the transposed convolution"],
        _matrix(cells.T, across, conv.small[1]),
        _beside(("outputs that each input touches", _numbers(conv.touches)),
                ("inputs that each output gets", _numbers(conv.gets))),
        conv.sentences,
    ]  # fmt: skip
    return "\n\n".join("\n".join(lines) for lines in blocks)


def _numbers(values: Iterable[Iterable[Any]]) -> list[str]:
    """Return the lines of a grid of numbers, with four significant digits at most."""
    return _grid([[f"{value:.4g}" for value in row] for row in values])


def _grid(words: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a grid with right-aligned columns of one width."""
    width = max(len(word) for row in words for word in row)
    return [" ".join(word.rjust(width) for word in row) for row in words]


def _matrix(cells: "NDArray[np.str_]", down: int, across: int) -> list[str]:
    """Return the lines of a matrix of letters in groups of `down` rows and `across` columns.

    All rows, and the first column of each group, have their numbers.
    """
    side, starts = len(str(len(cells) - 1)), range(0, cells.shape[1], across)
    heads = "".join(str(first).ljust(2 * across + 1) for first in starts)
    lines = [" " * (side + 2) + heads.rstrip()]
    for i, row in enumerate(cells):
        if i and i % down == 0:
            lines.append("")
        groups = (" ".join(row[first : first + across]) for first in starts)
        lines.append(f"{i:{side}}  {'  '.join(groups)}")
    return lines


def _beside(*parts: tuple[str, list[str]]) -> list[str]:
    """Return the lines of titled blocks that stand side by side."""
    blocks = [[title, *lines] for title, lines in parts]
    widths = [max(map(len, block)) for block in blocks]
    rows = zip_longest(*blocks, fillvalue="")
    return [
        "   ".join(line.ljust(n) for line, n in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _json(conv: "SmallConvolution") -> str:
    return in_json({
        "input": conv.large, "output": conv.small, "kernel": conv.kernel or None,
        "taps": conv.taps, "stride": conv.stride, "padding": conv.padding,
        "dilation": conv.dilation, "matrix": conv.matrix, "cells": conv.cells,
        "touches": conv.touches, "gets": conv.gets, "even": conv.even,
        "ripple": conv.ripple, "verified": conv.verified, "difference": conv.difference,
    })  # fmt: skip
