"""The residual r = (I - B)^2 y: what a pattern of the stride's period leaves, and little else.

B is the symmetric moving average over one stride along each axis. It nulls every harmonic of the
stride, so the pattern passes with gain 1; polynomials up to degree 3 do not pass.

Sums are taken over the rows as one line: the neighbour across is one value on, the one below a row
on. So every pass runs through memory from end to end; what wraps around lies in the margin.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from upsample_cli.metrics.rows import Floats


def high_pass(rows: Floats, stride: tuple[int, int]) -> Floats:
    """Return the residual of some rows, without the margin where B sees an edge.

    Args:
        rows: Shape (h, w).
        stride: Period down and across, in pixels; 1 for an axis without a pattern.

    Returns:
        Shape (h - 4 (stride // 2), w - 4 (stride // 2)), each with the stride of its axis.
    """
    (height, width), (down, across) = rows.shape, stride
    line = np.ascontiguousarray(rows).reshape(-1)
    first = down // 2 * width + across // 2
    for _ in range(2):
        sums = _moving_sum(_moving_sum(line, down, width), across, 1)
        sums *= np.float32(-1 / (_weight(down) * _weight(across)))
        sums += line[first : first + len(sums)]
        line = sums
    inside = height - 4 * (down // 2), width - 4 * (across // 2)
    return as_strided(line, inside, (width * line.itemsize, line.itemsize), writeable=False)


def _weight(s: int) -> int:
    return s if s % 2 else 2 * s


def _moving_sum(line: Floats, s: int, apart: int) -> Floats:
    """Return the symmetric moving sum over s neighbours that lie `apart` from one another.

    Divided by its weight it nulls every harmonic of period s: s equal taps where s is odd, else
    s + 1 taps, twice those, of which the first and the last count half.
    """
    sums = _plain_sum(line, s, apart)
    return _pairs(sums, apart) if s % 2 == 0 else sums


def _plain_sum(line: Floats, s: int, apart: int) -> Floats:
    if s == 1:
        return line
    if s % 2 == 0:
        return _pairs(_plain_sum(line, s // 2, apart), s // 2 * apart)
    last = (s - 1) * apart
    return _plain_sum(line, s - 1, apart)[: len(line) - last] + line[last:]


def _pairs(line: Floats, distance: int) -> Floats:
    """Return the sums of values that lie a distance apart."""
    return line[:-distance] + line[distance:]
