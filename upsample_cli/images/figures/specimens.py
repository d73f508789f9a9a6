"""Grey drawings to train networks on: text, shapes, sprites, gratings; and damage by JPEG."""

import io
from collections.abc import Callable

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from upsample_cli.images.figures.drawing import write_text

Grey = NDArray[np.uint8]
Kind = Callable[[int, np.random.Generator], Grey]

_FINE = 4  # shapes are drawn larger by this factor, then averaged
_SIZES = (9, 10, 11, 12, 13, 14, 16, 18, 20, 24, 32, 48)  # pixels: heights of letters
_LETTERS = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,:;-()[]{}+=/*&%$#@!?"


def specimen(side: int, rng: np.random.Generator) -> Grey:
    """Return a drawing of a random kind, `side` pixels high and wide."""
    kinds: tuple[Kind, ...] = (text, shapes, shapes, sprites, gratings)
    return kinds[rng.integers(len(kinds))](side, rng)


def text(side: int, rng: np.random.Generator) -> Grey:
    """Return lines of letters of many sizes, dark on light or light on dark, some on a gradient."""
    paper, ink = int(rng.integers(150, 256)), int(rng.integers(0, 90))
    if rng.random() < 0.4:
        paper, ink = ink, paper
    ramp = paper + np.linspace(0, rng.uniform(-40, 40) * (rng.random() < 0.3), side)
    ground = np.broadcast_to(np.clip(ramp, 0, 255)[None, :, None], (side, side, 3))
    sheet = PIL.Image.fromarray(ground.astype(np.uint8))
    draw, top = PIL.ImageDraw.Draw(sheet), int(rng.integers(-8, 8))
    while top < side:
        size = int(rng.choice(_SIZES))
        line = "".join(rng.choice(list(_LETTERS), 3 * side // size))
        write_text(draw, (int(rng.integers(-9, 20)), top), line, size, "la", (ink,) * 3)
        top += int(size * rng.uniform(1.1, 1.7))
    return np.asarray(sheet.convert("L"))


def shapes(side: int, rng: np.random.Generator) -> Grey:
    """Return overlapping lines and arcs, or overlapping filled shapes, with smooth edges."""
    sheet = PIL.Image.new("L", (side * _FINE,) * 2, int(rng.integers(256)))
    draw = PIL.ImageDraw.Draw(sheet)
    are_lines = rng.random() < 0.5
    for _ in range(int(rng.integers(10, 40))):
        centre = rng.uniform(0, side * _FINE, 2)
        reach = rng.uniform(4, 40) * _FINE
        box = (*(centre - reach * rng.uniform(0.3, 1)), *(centre + reach))
        fill, ink = (int(level) for level in rng.integers(0, 256, 2))
        width = int(rng.integers(_FINE // 2, 4 * _FINE))
        points = [tuple(point) for point in centre + reach * rng.normal(0, 1, (4, 2))]
        if are_lines and rng.random() < 0.5:
            draw.line(points[:2], ink, width)
        elif are_lines:
            start = rng.uniform(0, 360)
            draw.arc(box, start, start + rng.uniform(30, 330), ink, width)
        elif (shape := rng.integers(3)) < 2:
            draw.rounded_rectangle(box, reach * shape / 3, fill, ink, width)
        elif rng.random() < 0.5:
            draw.ellipse(box, fill, ink, width)
        else:
            draw.polygon(points, fill, ink)
    fine = np.asarray(sheet, np.float32).reshape(side, _FINE, side, _FINE)
    return np.asarray(fine.mean((1, 3)) + 0.5, np.uint8)


def sprites(side: int, rng: np.random.Generator) -> Grey:
    """Return mirror-symmetric figures of few levels in large square pixels, as in old games."""
    block = int(rng.integers(2, 9))
    levels = rng.integers(0, 256, int(rng.integers(3, 9))).astype(np.uint8)
    count = side // block // 12 + 2
    half = rng.choice(levels, (count, 12, count, 6))
    half[rng.random(half.shape) < 0.4] = levels[0]
    half[:, 10:], half[..., 0] = levels[0], levels[0]
    cells = np.concatenate([half, half[..., ::-1]], 3).reshape(12 * count, 12 * count)
    down, across = rng.integers(0, block, 2)
    large = cells.repeat(block, 0).repeat(block, 1)
    return np.ascontiguousarray(large[down : down + side, across : across + side])


def gratings(side: int, rng: np.random.Generator) -> Grey:
    """Return straight or circular waves that get shorter with distance from a centre."""
    y, x = (np.arange(side) - rng.uniform(0, side, (2, 1))) / side
    # The wavelength, in pixels, holds at a distance of `side` pixels from the centre.
    angle, wavelength = rng.uniform(0, np.pi), rng.uniform(3, 12)
    is_round = rng.random() < 0.5
    along = np.hypot(y[:, None], x) if is_round else y[:, None] * np.sin(angle) + x * np.cos(angle)
    turns = np.pi * side / wavelength * along**2
    grey, swing = rng.uniform(40, 215), rng.uniform(10, 120)
    return np.asarray(np.clip(grey + swing * np.cos(turns) + 0.5, 0, 255), np.uint8)


def through_jpeg(grey: Grey, quality: int) -> Grey:
    """Return a grey picture, shape (H, W), saved as a JPEG of quality 1..100 and read back."""
    file = io.BytesIO()
    PIL.Image.fromarray(grey).save(file, "JPEG", quality=quality)
    with PIL.Image.open(file) as read:
        return np.asarray(read)
