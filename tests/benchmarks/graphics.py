"""Drawn pictures without a checkerboard: edges, charts, tables, grids, text, pages, gradients.

Each function returns levels of 0..255, shape (H, W) or (H, W, 3), for a seeded random generator.
"""

from collections.abc import Callable

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Draw = PIL.ImageDraw.ImageDraw
_WORDS = ("the", "picture", "of", "a", "phase", "its", "level", "kernel", "stride", "12", "3.5")


def edge(rng: np.random.Generator) -> Pixels:
    """Return two flat colours with one straight edge."""
    levels = np.full((360, 480), rng.integers(10, 246), np.uint8)
    place = int(rng.integers(60, 300))
    levels[(slice(place, None), slice(None))[:: rng.choice((-1, 1))]] = rng.integers(10, 246)
    return levels


def bars(rng: np.random.Generator) -> Pixels:
    """Return a bar chart."""
    sheet, draw = _sheet(rng, (480, 360))
    count = int(rng.integers(4, 12))
    wide, colour = 400 // count, _colour(rng, 30, 225)
    for index in range(count):
        left = 40 + index * wide
        draw.rectangle((left, int(rng.integers(40, 300)), left + wide * 7 // 10, 330), colour)
    draw.line((40, 330, 450, 330), 0)
    return np.asarray(sheet)


def table(rng: np.random.Generator) -> Pixels:
    """Return a ruled table with numbers in it."""
    sheet, draw = _sheet(rng, (480, 360))
    tall, wide, colour = int(rng.integers(12, 40)), int(rng.integers(30, 120)), _colour(rng, 0, 180)
    for y in range(10, 350, tall):
        draw.line((10, y, 470, y), colour)
        for x in range(10, 430, wide):
            draw.text((x + 4, y + 1), str(rng.integers(9999)), 0)
    for x in range(10, 470, wide):
        draw.line((x, 10, x, 350), colour)
    return np.asarray(sheet)


def grid(rng: np.random.Generator) -> Pixels:
    """Return the grid of a map."""
    levels = np.full((360, 480), rng.integers(180, 240), np.uint8)
    spacing = int(rng.integers(20, 100))
    levels[int(rng.integers(9)) :: spacing] -= 60
    levels[:, int(rng.integers(9)) :: spacing] -= 60
    return levels


def text(rng: np.random.Generator) -> Pixels:
    """Return lines of text, dark on light or light on dark."""
    paper, ink = ((30,) * 3, (220,) * 3) if rng.random() < 0.3 else ((255,) * 3, (20,) * 3)
    sheet = PIL.Image.new("RGB", (480, 400), paper)
    size = int(rng.integers(10, 22))
    _write(PIL.ImageDraw.Draw(sheet), rng, (12, 10, 390), size, ink)
    return np.asarray(sheet)


def page(rng: np.random.Generator) -> Pixels:
    """Return a page with a bar, boxes of text and a list with lines."""
    sheet = PIL.Image.new("RGB", (640, 480), (255, 255, 255))
    draw = PIL.ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, 640, 48), _colour(rng, 20, 200))
    for left in (20, 330):
        draw.rounded_rectangle((left, 70, left + 290, 250), 8, (240, 242, 245), (200, 205, 210))
        _write(draw, rng, (left + 10, 80, 240), 13, (60, 60, 60), 5)
    for y in range(270, 470, 20):
        draw.line((20, y, 620, y), (225, 225, 225))
        _write(draw, rng, (24, y + 3, y + 4), 13, (30, 30, 30), 8)
    return np.asarray(sheet)


def gradient(rng: np.random.Generator) -> Pixels:
    """Return a gradient in whole levels."""
    down, across = rng.uniform(-0.2, 0.2, 2)
    levels = 120 + np.add.outer(np.arange(400) * down, np.arange(500) * across)
    return np.clip(np.floor(levels + 0.5), 0, 255).astype(np.uint8)


def noise(rng: np.random.Generator) -> Pixels:
    """Return white noise."""
    levels = rng.normal(128, rng.uniform(1, 20), (400, 400))
    return np.clip(np.floor(levels + 0.5), 0, 255).astype(np.uint8)


def letterbox(photo: Pixels, bar: int, top: int) -> Pixels:
    """Return a still between bars of one level."""
    still = PIL.Image.fromarray(photo).resize((400, 200), PIL.Image.Resampling.BICUBIC)
    levels = np.full((296, 400, 3), bar, np.uint8)
    levels[top : top + 200] = np.asarray(still)
    return levels


GRAPHICS: tuple[Callable[[np.random.Generator], Pixels], ...] = (
    edge, bars, table, grid, text, page, gradient, noise,
)  # fmt: skip
"""All kinds of drawn pictures."""


def _sheet(rng: np.random.Generator, size: tuple[int, int]) -> tuple[PIL.Image.Image, Draw]:
    sheet = PIL.Image.new("RGB", size, _colour(rng, 180, 255))
    return sheet, PIL.ImageDraw.Draw(sheet)


def _colour(rng: np.random.Generator, low: int, high: int) -> tuple[int, ...]:
    return tuple(int(level) for level in rng.integers(low, high, 3))


def _write(
    draw: Draw,
    rng: np.random.Generator,
    place: tuple[int, int, int],
    size: int,
    ink: tuple[int, ...],
    words: int = 12,
) -> None:
    """Write lines of random words from a left and a top to a bottom."""
    left, top, bottom = place
    font = PIL.ImageFont.load_default(size)
    for y in range(top, bottom, int(size * 1.4)):
        draw.text((left, y), " ".join(rng.choice(_WORDS, words)), ink, font)
