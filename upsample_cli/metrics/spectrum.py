"""Spectra of a pattern's phases, and of a whole picture, where a pattern shows as bright points."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.metrics.checkerboard import CONTRAST_DB

Numbers = NDArray[np.float64]
_SIDE = 256  # pixels along a side of the windows of `periodogram`
_USUAL, _MOST = 0.1, 5.0  # weight of the expectation that the gain is 1; the greatest gain
_SIGNIFICANT = 12.0  # least power of a line over its error; by chance e^-12 of all lines have it


class Estimate(NamedTuple):
    """A pattern and its error.

    Args:
        lines: Shape (s, t), the discrete Fourier transform (DFT) of the pattern, divided by its
            number of phases; see `phase_lines`.
        error: Same shape, the expected power of each line's error.
    """

    lines: NDArray[np.complex128]
    error: Numbers

    @property
    def phases(self) -> Numbers:
        """The pattern, shape (s t,), a value for each phase."""
        return np.asarray(np.fft.ifft2(self.lines).real.ravel() * self.lines.size)

    @property
    def contrast_db(self) -> float:
        """The lines' power over their error's, mean ratio in dB; 0 is no pattern."""
        return float(10 * np.log10(self._ratios.mean() + 1e-30))

    @property
    def power(self) -> float:
        """The mean square of the pattern.

        If the lines together are clear of their errors, all of them count; else only those that
        are significant by themselves.
        """
        power = (np.square(np.abs(self.lines)) - self.error).ravel()[1:]
        if self.contrast_db < CONTRAST_DB:
            power = power[self._ratios > _SIGNIFICANT]
        return float(np.maximum(power, 0.0).sum())

    @property
    def floor(self) -> float:
        """The RMS of the errors: a pattern well below it could not have been seen."""
        return float(np.sqrt(self.error.ravel()[1:].sum()))

    @property
    def axis_share(self) -> float:
        """The share of power in lines along either axis: stripes down or across."""
        power = np.square(np.abs(self.lines))
        along = power[0, 1:].sum() + power[1:, 0].sum()
        return float(along / (along + power[1:, 1:].sum() + 1e-30))

    def likeness(self, pattern: Numbers) -> float:
        """Return the greatest correlation with `pattern`, shifted, flipped, transposed or inverted.

        Args:
            pattern: Shape (s, s).
        """
        greatest = 0.0
        for variant in (pattern, pattern.T, pattern[::-1], pattern.T[::-1]):
            lines = np.fft.fft2(variant - variant.mean())
            together = np.fft.ifft2(self.lines * lines.conj()).real * lines.size
            norms = np.linalg.norm(self.lines.ravel()[1:]) * np.linalg.norm(lines)
            greatest = max(greatest, float(np.abs(together).max() / (norms + 1e-30)))
        return greatest

    @property
    def _ratios(self) -> Numbers:
        """The power of each line over its error, without line (0, 0), the mean."""
        return np.asarray((np.square(np.abs(self.lines)) / self.error).ravel()[1:])


def phase_lines(phases: NDArray[Any], stride: tuple[int, int]) -> NDArray[np.complex128]:
    """Return the lines of patterns: the DFT over their phases, divided by their number.

    A stride has few phases, and a picture thousands of cells: one product with a small matrix
    transforms them all.

    Args:
        phases: Shape (..., s t), real, a value for each phase.
        stride: Phases down and across, (s, t).

    Returns:
        Shape (..., s, t), in the unit of the phases: a pattern's line (0, 0) is its mean.

    >>> phase_lines(np.array([1.0, -1.0, -1.0, 1.0]), (2, 2)).real.round(9).tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    return np.asarray((phases @ _dft_matrix(*stride)).reshape(*phases.shape[:-1], *stride))


def line_power(phases: NDArray[Any], stride: tuple[int, int]) -> NDArray[Any]:
    """Return the power of each line of patterns, for phases of the same shape (..., s t)."""
    return square_lines(np.square(real_lines(phases, stride)), stride)


def real_lines(phases: NDArray[Any], stride: tuple[int, int]) -> NDArray[Any]:
    """Return the discrete Hartley transform of patterns, divided by their number of phases.

    It is real, which halves the work; its squares sum to a pattern's mean square.

    Args:
        phases: Shape (..., s t).
        stride: Phases down and across, (s, t).
    """
    matrix = _dft_matrix(*stride)
    return np.asarray(phases @ (matrix.real - matrix.imag).astype(phases.dtype))


def square_lines(squares: NDArray[Any], stride: tuple[int, int]) -> NDArray[Any]:
    """Return the power of each line, given squares of `real_lines` or sums of such squares."""
    down, across = (-np.arange(length) % length for length in stride)
    opposite = (down[:, None] * stride[1] + across).ravel()
    return np.asarray((squares + squares[..., opposite]) / 2)


def unexplained(
    phases: NDArray[Any], expected: NDArray[Any], usable: NDArray[Any], stride: tuple[int, int]
) -> NDArray[Any]:
    """Return phases less those expected of an even enlargement, with a fitted gain at each line.

    Even kernels keep more or less of a picture's details, or turn their sign, so its own pattern is
    stronger, weaker or reversed.
    Where little is expected, the gain is 1.

    Args:
        phases: Shape (m, s t, n), the phases of m x n cells.
        expected: Same shape, the phases of an even enlargement.
        usable: Shape (m, n), which cells count.
        stride: Phases down and across, (s, t).
    """
    own, lines = (real_lines(part.swapaxes(1, 2), stride) for part in (phases, expected))
    own, seen = (np.where(usable[..., None], part, 0) for part in (own, lines))
    weight = 1 / (np.square(seen).sum(axis=2) + 1)
    shared, power = (
        square_lines(np.einsum("mn,mnk,mnk->k", weight, part, seen), stride) for part in (own, seen)
    )
    gain = np.clip((shared + _USUAL) / (power + _USUAL), -_MOST, _MOST).astype(phases.dtype)
    explained = real_lines(lines * gain, stride) * phases.dtype.type(gain.size)
    return np.asarray(phases - explained.swapaxes(1, 2))


def stripes_share(power: NDArray[Any], stride: tuple[int, int]) -> float:
    """Return the share of power in the lines along one axis, that which has more, 0..1.

    Args:
        power: Shape (s t,), the power of each line.
        stride: Phases down and across, (s, t).
    """
    lines = power.reshape(stride)
    return float(max(lines[0].sum(), lines[:, 0].sum()) / (lines.sum() + 1e-30))


@lru_cache(32)
def _dft_matrix(s: int, t: int) -> NDArray[np.complex128]:
    """Return the matrix from phases to lines, shape (s t, s t)."""
    down, across = (
        np.exp(-2j * np.pi / n * (np.outer(np.arange(n), np.arange(n)) % n)) / n for n in (s, t)
    )
    return np.asarray(np.kron(down, across), np.complex128)


def periodogram(plane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean power spectrum of a picture, in which a pattern shows as bright points.

    Args:
        plane: Shape (H, W), luma or a channel in levels, at least 16 x 16.

    Returns:
        Shape (n, n), in squared levels, with frequency 0 in the middle; n is 256, or the shorter
        side of the picture if less, less 1 if odd.

    Source: P. Welch, "The use of fast Fourier transform for the estimation of power spectra", 1967
        (here along two axes, with Hann windows that overlap by half).
    """
    side = min(_SIDE, *plane.shape) // 2 * 2
    hann = np.hanning(side + 1)[:-1]
    window = np.outer(hann, hann).astype(np.float32)
    tops, lefts = (_starts(length, side) for length in plane.shape)
    total = np.zeros((side, side))
    for top in tops:
        for left in lefts:
            part = plane[top : top + side, left : left + side]
            total += np.square(np.abs(np.fft.fft2((part - part.mean()) * window)))
    scale = len(tops) * len(lefts) * float(np.square(window).sum())
    return np.asarray(np.fft.fftshift(total) / scale)


def _starts(length: int, side: int) -> list[int]:
    """Return where windows begin: half a window apart, and one that ends at the end."""
    return sorted({*range(0, length - side + 1, side // 2), length - side})
