"""How far a network reaches, and what is tried to find that out."""

from collections.abc import Callable

import numpy as np
import pytest

from upsample_cli import memory
from upsample_cli.networks.enlargers.tile_trial import reach_of
from upsample_cli.planes import Planes


def seeing_all(pixels: list[int]) -> Callable[[Planes], Planes]:
    """Return what enlarges by 2 and adds the mean of the picture; `pixels` gets each size."""

    def run(planes: Planes) -> Planes:
        """Enlarge the planes."""
        pixels.append(planes[0].size)
        return planes.repeat(2, 1).repeat(2, 2) + planes.mean(dtype=np.float32)

    return run


@pytest.mark.parametrize(
    ("power", "largest_tried", "whole"), [(1, 256, 1024), (2, 128, 128)], ids=["pixels", "pairs"]
)
def test_pictures_for_which_the_memory_may_not_suffice_are_not_tried(
    power: int, largest_tried: int, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attention over all pairs of pixels would take 17 GB at 256 px: it gets smaller pieces."""
    pixels = [0]
    monkeypatch.setattr(memory, "peak", lambda: 4 * max(pixels) ** power)
    monkeypatch.setattr(memory, "limit", lambda: 12 << 30)
    reach, grid, largest = reach_of(seeing_all(pixels), 1, None, 1, 2)
    assert (max(pixels) ** 0.5 // 16 * 16, grid, largest) == (largest_tried, 0, whole)
    assert reach <= 32


def test_the_first_picture_may_be_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 48 to 128 px attention grows fifty times, not sixteen: 0.5 GB become 25 GB."""
    pixels = [0]
    monkeypatch.setattr(memory, "peak", lambda: 90 * max(pixels) ** 2)
    monkeypatch.setattr(memory, "limit", lambda: 12 << 30)
    assert reach_of(seeing_all(pixels), 1, None, 1, 2) == (12, 0, 64)
    assert max(pixels) < 50**2


def test_networks_of_one_size_have_no_largest_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """They get tiles of that size, whatever memory they take."""
    pixels = [0]
    monkeypatch.setattr(memory, "peak", lambda: 90 * max(pixels) ** 2)
    assert reach_of(seeing_all(pixels), 1, (64, 64), 1, 2) == (16, 0, 1024)


def test_what_earlier_work_hides_is_no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that once took more shows only the last picture's memory, which is little."""
    pixels = [0]
    monkeypatch.setattr(memory, "peak", lambda: max(40 << 20, 1000 * max(pixels)))
    assert reach_of(seeing_all(pixels), 1, None, 1, 2) == (32, 0, 1024)
