"""The same crop by many methods, side by side, each under its name."""

import io
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import PIL.Image
import PIL.ImageDraw

from upsample_cli.images.figures.drawing import Pixels, shortened, write_text
from upsample_cli.images.figures.grid import FAINT, INK, PAPER
from upsample_cli.images.figures.small_pictures import over_white

_SIDE = 384  # pixels: about the longer side of a panel
_LEAST_SIDE = 240  # pixels of width, so that names fit
_NAME, _FIGURES, _GAP, _MARGIN = 22, 17, 20, 24  # heights of letters, spaces


class Panel(NamedTuple):
    """A crop and what stands above it.

    Args:
        name: One line.
        figures: A line of smaller letters; may be empty.
        pixels: Shape (H, W, C).
    """

    name: str
    figures: str
    pixels: Pixels


def crop_sheet(panels: Sequence[Panel]) -> bytes:
    """Return a PNG of panels in rows of up to four, magnified by a whole number.

    Args:
        panels: One or more, all of one size.
    """
    rows = ceil(len(panels) / 4)
    across = ceil(len(panels) / rows)
    height, width = panels[0].pixels.shape[:2]
    times = max(1, round(_SIDE / max(height, width)))
    wide = max(_LEAST_SIDE, width * times)
    head = _NAME + 8 + (_FIGURES + 8 if any(panel.figures for panel in panels) else 0) + 4
    step = (wide + _GAP, head + height * times + _GAP)
    size = (across * step[0] - _GAP + 2 * _MARGIN, rows * step[1] - _GAP + 2 * _MARGIN)
    sheet = PIL.Image.new("RGB", size, PAPER)
    draw = PIL.ImageDraw.Draw(sheet)
    for i, panel in enumerate(panels):
        left, top = _MARGIN + i % across * step[0], _MARGIN + i // across * step[1]
        write_text(draw, (left, top), shortened(panel.name, _NAME, wide), _NAME, "la", INK)
        line = shortened(panel.figures, _FIGURES, wide)
        write_text(draw, (left, top + _NAME + 8), line, _FIGURES, "la", FAINT)
        large = over_white(panel.pixels).resize(
            (width * times, height * times), PIL.Image.Resampling.NEAREST
        )
        sheet.paste(large, (left, top + head))
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()
