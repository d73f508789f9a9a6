"""Tables as text: grids in groups, titled blocks side by side, and aligned columns."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

Words = Sequence[Sequence[str]]


def grid(words: Words, groups: tuple[int, int] | None = None) -> list[str]:
    """Return the lines of a grid with right-aligned columns.

    Args:
        words: Rows of cells, all of the same length.
        groups: Rows and columns per group, with gaps between groups. All rows, and the first column
            of each group, are labelled with their numbers. None for neither gaps nor numbers.
    """
    width = max(len(word) for row in words for word in row)
    if groups is None:
        return [" ".join(word.rjust(width) for word in row) for row in words]
    down, across = groups
    side = len(str(len(words) - 1))
    starts = range(0, len(words[0]), across)
    block = across * (width + 1) + 1
    heads = "".join(str(first).rjust(width).ljust(block) for first in starts)
    lines = [" " * (side + 2) + heads.rstrip()]
    for i, row in enumerate(words):
        if i and i % down == 0:
            lines.append("")
        cells = ("".join(f"{word.rjust(width)} " for word in row[j : j + across]) for j in starts)
        lines.append(f"{i:{side}}  {' '.join(cells)}".rstrip())
    return lines


def beside(*parts: tuple[str, list[str]]) -> list[str]:
    """Return the lines of titled blocks that stand side by side."""
    blocks = [[title, *lines] for title, lines in parts]
    widths = [max(map(len, block)) for block in blocks]
    rows = zip_longest(*blocks, fillvalue="")
    return [
        "   ".join(line.ljust(n) for line, n in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def number_cells(values: Iterable[Iterable[Any]]) -> list[list[str]]:
    """Return rows of numbers as text, with four significant digits at most."""
    return [[f"{value:.4g}" for value in row] for row in values]


def pixel_numbers(height: int, width: int) -> Iterator[list[str]]:
    """Yield the numbers of a plane's pixels, from 0, row by row as text."""
    for i in range(height):
        yield [str(i * width + j) for j in range(width)]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
