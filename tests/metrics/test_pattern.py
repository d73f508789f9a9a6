import numpy as np
import pytest

from upsample_cli.metrics.checkerboard import CONTRAST_DB
from upsample_cli.metrics.pattern import Pattern


def pattern_of(lines: np.ndarray, error: float) -> Pattern:
    errors = np.full(lines.shape, error)
    return Pattern(lines.astype(complex), errors, lines / 100, errors / 100**2)


@pytest.mark.parametrize("stride", [2, 3, 4, 6, 8])
def test_every_line_belongs_to_one_period(stride: int) -> None:
    """The lines of a stride are shared out among its divisors: to each its own, and no other."""
    own = pattern_of(np.zeros((stride, stride)), 1.0).own
    parts = [part for part in range(1, stride + 1) if stride % part == 0]
    total = sum(int(pattern_of(np.zeros((part, part)), 1.0).own.sum()) for part in parts)
    assert total == stride**2
    assert not own[:: max(1, stride // 2), :: max(1, stride // 2)].all()
    assert own[1, 0]
    assert own[0, 1]


def test_faint_lines_count_where_the_pattern_is_clear() -> None:
    """The RMS is that of all lines once they are clear together, else of the significant ones."""
    lines = np.zeros((4, 4))
    lines[0, 1] = lines[0, 3] = 10.0
    lines[1, 1] = lines[3, 3] = 1.5
    clear = pattern_of(lines, 1.0)
    assert clear.contrast_db(clear.harmonics) > CONTRAST_DB
    ripple = np.sqrt(2 * 100 + 2 * 2.25 - 15)
    assert clear.ripple(clear.harmonics) == pytest.approx(ripple)
    assert clear.ripple_rel(clear.harmonics) == pytest.approx(ripple / 100)
    faint = pattern_of(lines, 9.0)
    assert faint.contrast_db(faint.harmonics) < CONTRAST_DB
    assert faint.ripple(faint.harmonics) == 0.0


def test_no_line_is_told_relative_to_brightness_alone() -> None:
    """Where no ripple is told in levels, by chance there may be one of what goes with the light."""
    lines = np.zeros((4, 4), complex)
    lines[0, 1] = 1.5
    errors = np.ones((4, 4))
    pattern = Pattern(lines, errors, lines, errors / 9)
    assert pattern.contrast_db(pattern.harmonics) < CONTRAST_DB
    assert (pattern.ripple(pattern.harmonics), pattern.ripple_rel(pattern.harmonics)) == (0.0, 0.0)


def test_contrast_is_the_mean_power_over_the_errors() -> None:
    """Lines as strong as their errors have 0 dB."""
    pattern = pattern_of(np.full((3, 3), 2.0), 4.0)
    assert pattern.contrast_db(pattern.harmonics) == pytest.approx(0.0)
    assert pattern.floor(pattern.harmonics) == pytest.approx(np.sqrt(8 * 4.0))
