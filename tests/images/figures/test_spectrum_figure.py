import numpy as np
import pytest

from upsample_cli.images.figures.spectrum_figure import spectrum_figure


@pytest.mark.parametrize("side", [16, 24, 256])
def test_a_ring_is_around_its_line(side: int) -> None:
    """The ring of half a cycle down and across has that bin in its middle, and goes around it."""
    power = np.ones((side, side))
    power[0, 0] = 1e6
    plain, marked = (
        np.asarray(spectrum_figure(power, (stride, stride), "")).astype(int) for stride in (1, 2)
    )
    height, width = (length // 2 for length in plain.shape[:2])
    bright = np.argwhere((plain[:height, :width] == (252, 252, 180)).all(axis=2))
    changed = np.abs(marked - plain).sum(axis=2) > 0
    (top, left), (bottom, right) = np.maximum(0, bright.min(axis=0) - 99), bright.max(axis=0) + 100
    ring = np.argwhere(changed[top:bottom, left:right]) + np.array((top, left))
    assert ring.mean(axis=0) == pytest.approx(bright.mean(axis=0), abs=0.6)
    assert (ring.min(axis=0) < bright.min(axis=0)).all()
