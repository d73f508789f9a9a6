"""The residual r = (I - B)^2 y: what a pattern of the stride's period leaves, and little else.

B is the symmetric moving average over one stride along each axis. It nulls every harmonic of the
stride, so the pattern passes with gain 1; polynomials up to degree 3 do not pass.
"""

import numpy as np

from upsample_cli.metrics.rows import Floats


def high_pass(rows: Floats, stride: tuple[int, int]) -> Floats:
    """Return the residual of some rows, without the margin where B sees an edge.

    Args:
        rows: Shape (h, w).
        stride: Period down and across, in pixels; 1 for an axis without a pattern.

    Returns:
        Shape (h - 4 (stride // 2), w - 4 (stride // 2)), each with the stride of its axis.
    """
    top, left = stride[0] // 2, stride[1] // 2
    for _ in range(2):
        sums = _moving_sum(_moving_sum(rows, stride[0], 0), stride[1], 1)
        sums *= np.float32(-1 / (_weight(stride[0]) * _weight(stride[1])))
        sums += rows[top : rows.shape[0] - top, left : rows.shape[1] - left]
        rows = sums
    return rows


def _weight(s: int) -> int:
    return s if s % 2 else 2 * s


def _moving_sum(rows: Floats, s: int, axis: int) -> Floats:
    """Return the symmetric moving sum over s along an axis, where it sees no edge.

    Divided by its weight it nulls every harmonic of period s: s equal taps where s is odd, else
    s + 1 taps, twice those, of which the first and the last count half.
    """
    if s == 1:
        return rows.copy()
    sums = _plain_sum(rows, s, axis)
    return _pairs(sums, 1, axis) if s % 2 == 0 else sums


def _plain_sum(rows: Floats, s: int, axis: int) -> Floats:
    if s == 1:
        return rows
    if s % 2 == 0:
        return _pairs(_plain_sum(rows, s // 2, axis), s // 2, axis)
    length = rows.shape[axis] - s + 1
    shorter, last = [slice(None)] * 2, [slice(None)] * 2
    shorter[axis], last[axis] = slice(length), slice(s - 1, None)
    return _plain_sum(rows, s - 1, axis)[tuple(shorter)] + rows[tuple(last)]


def _pairs(rows: Floats, distance: int, axis: int) -> Floats:
    """Return the sums of rows (or columns) that lie a distance apart."""
    if axis == 0:
        return rows[:-distance] + rows[distance:]
    return rows[:, :-distance] + rows[:, distance:]
