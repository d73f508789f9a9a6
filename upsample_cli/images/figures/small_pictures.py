"""Small pictures for comparisons: kernels, data URLs for a page, and crops side by side."""

import io
from base64 import b64encode
from collections.abc import Sequence
from math import ceil

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures.drawing import FAINT, PAPER, Pixels, shortened, write_text

LONGEST_SIDE = 16383
"""The longest side that a WebP can have, in pixels."""

_PLUS, _ZERO, _MINUS = np.array([(240, 140, 40), (128, 128, 134), (60, 130, 230)], float)
_KERNEL = 320  # pixels: about the longer side of a drawn kernel
_LARGEST_PROFILE = 1 << 14  # bytes of an ICC profile; larger profiles would be most of a page
_SIDE = 384  # pixels: about the longer side of a panel's crop
_LEAST_SIDE = 240  # pixels of width, so that names fit
_NAME, _FIGURES, _GAP, _MARGIN = 22, 17, 20, 24  # pixels: heights of letters, and spaces


def kernel_pixels(taps: NDArray[np.float64]) -> Pixels:
    """Return one square per tap as RGBA, shape (h, w, 4): orange above 0, blue below, grey at 0.

    Colour grows with the square root of a tap, so that small taps are seen beside large ones.
    """
    share = np.sqrt(np.abs(taps) / (np.abs(taps).max() or 1.0))[..., None]
    ends = np.where(taps[..., None] > 0, _PLUS, _MINUS)
    colours = np.asarray(_ZERO + share * (ends - _ZERO) + 0.5, np.uint8)
    squares = np.dstack([colours, np.full(taps.shape, 255, np.uint8)])
    side = max(4, _KERNEL // max(taps.shape))
    gap = 1 + side // 12
    squares = squares.repeat(side, 0).repeat(side, 1)
    for row in range(gap):
        squares[side - 1 - row :: side] = squares[:, side - 1 - row :: side] = 0
    return squares[:-gap, :-gap]


def smaller(pixels: Pixels, side: int) -> Pixels:
    """Return pixels reduced by a whole factor so that no side exceeds `side` pixels."""
    step = -(-max(pixels.shape[:2]) // side)
    return np.asarray(_picture(pixels).reduce(step))


def data_url(pixels: Pixels, quality: int | None = None, icc: bytes | None = None) -> str:
    """Return pixels, shape (H, W, C), as the data URL of a WebP; lossless if `quality` is None."""
    picture, file = _picture(pixels), io.BytesIO()
    # More effort would save a tenth of the bytes and take four times as long.
    coding = {"lossless": True, "quality": 0} if quality is None else {"quality": quality}
    profile = icc if icc and len(icc) <= _LARGEST_PROFILE else b""
    picture.save(file, "WEBP", method=0, exact=True, icc_profile=profile, **coding)
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode()}"


def crop_sheet(panels: Sequence[tuple[str, str, Pixels]], icc: bytes | None = None) -> bytes:
    """Return a PNG of panels in rows of up to four, magnified by a whole factor.

    Args:
        panels: One or more panels: a name; a line of smaller letters below it, which may be empty;
            and a crop, shape (H, W, C), of the same size in all.
        icc: The colour profile of the crops.
    """
    rows = ceil(len(panels) / 4)
    across = ceil(len(panels) / rows)
    height, width = panels[0][2].shape[:2]
    factor = max(1, round(_SIDE / max(height, width)))
    panel_width = max(_LEAST_SIDE, width * factor)
    head = _NAME + 8 + (_FIGURES + 8 if any(figures for _, figures, _ in panels) else 0) + 4
    step = (panel_width + _GAP, head + height * factor + _GAP)
    size = (across * step[0] - _GAP + 2 * _MARGIN, rows * step[1] - _GAP + 2 * _MARGIN)
    sheet = PIL.Image.new("RGB", size, PAPER)
    draw = PIL.ImageDraw.Draw(sheet)
    for i, (name, figures, pixels) in enumerate(panels):
        left, top = _MARGIN + i % across * step[0], _MARGIN + i // across * step[1]
        write_text(draw, (left, top), shortened(name, _NAME, panel_width), _NAME, "la")
        figures = shortened(figures, _FIGURES, panel_width)
        write_text(draw, (left, top + _NAME + 8), figures, _FIGURES, "la", FAINT)
        large = over_white(pixels.repeat(factor, 0).repeat(factor, 1))
        sheet.paste(large, (left, top + head))
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True, icc_profile=icc)
    return file.getvalue()


def over_white(pixels: Pixels) -> PIL.Image.Image:
    """Return pixels as an RGB picture, laid on white if they have opacity."""
    picture = _picture(pixels).convert("RGBA")
    sheet = PIL.Image.new("RGBA", picture.size, "white")
    sheet.alpha_composite(picture)
    return sheet.convert("RGB")


def _picture(pixels: Pixels) -> PIL.Image.Image:
    is_grey = pixels.ndim == 3 and pixels.shape[2] == 1
    return PIL.Image.fromarray(np.ascontiguousarray(pixels[..., 0] if is_grey else pixels))
