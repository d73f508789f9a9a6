import tracemalloc
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from variants import label, variants

from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge.labels import enlarged
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.method import Method


def enlarge_labels(
    x: Any, method: Method, scale: float, boundary: str = "symmetric", threads: int = 1
) -> Any:
    """Return labels enlarged by a method."""
    size = (round(x.shape[0] * scale), round(x.shape[1] * scale))
    return enlarged(x, method.stages(x.shape, size), size, boundary, threads)


def blobs(height: int, width: int, count: int, seed: int = 0) -> Any:
    """Return labels in regions of 4x4 pixels; some labels may be absent."""
    cells = np.random.default_rng(seed).integers(0, count, (height // 4 + 1, width // 4 + 1))
    return np.kron(cells, np.ones((4, 4), int))[:height, :width].astype(np.uint8)


@pytest.mark.parametrize("method", [one for one in variants() if one.is_linear], ids=label)
@pytest.mark.parametrize("scale", [2, 1.5])
def test_the_label_with_the_largest_plane_is_chosen(method: Method, scale: float) -> None:
    """Each label's plane of ones and zeros is enlarged alone; the largest value wins."""
    x = blobs(20, 24, 12)
    classes = np.unique(x)
    settings = asdict(method)
    planes = (x == classes[:, None, None]).astype(np.float64)
    enlarged_planes = upsample(planes, method.name, scale=scale, **settings)
    ranked = np.sort(enlarged_planes, axis=0)
    is_clear = ranked[-1] - ranked[-2] > 1e-4
    actual = enlarge_labels(x, method, scale)
    assert actual.dtype == x.dtype
    assert is_clear.mean() > 0.5
    np.testing.assert_array_equal(
        actual[is_clear], classes[enlarged_planes.argmax(axis=0)][is_clear]
    )
    # In a tie any of the largest planes may be chosen.
    index = np.searchsorted(classes, actual)
    chosen = np.take_along_axis(enlarged_planes, index[None], axis=0)[0]
    assert (ranked[-1] - chosen < 1e-4).all()


def test_the_lower_label_wins_a_tie() -> None:
    """Both planes are 0.5 in the middle between two labels, and the lower label is chosen."""
    x = np.array([[9, 4], [9, 4]], np.uint8)
    assert enlarge_labels(x, build("bilinear"), 2).tolist() == [[9, 9, 4, 4]] * 4
    assert enlarge_labels(x, build("bilinear"), 3)[0].tolist() == [9, 9, 9, 4, 4, 4]
    corner = np.array([[7, 3], [3, 7]], np.uint8)
    middle = enlarge_labels(corner, build("tconv", kernel="uniform", kernel_size=4), 2)[1:3, 1:3]
    assert middle.tolist() == [[3, 3], [3, 3]]


@given(seeds, st.sampled_from(["symmetric", "nearest", "zero"]), st.sampled_from([1.5, 2.0, 3.0]))
def test_every_output_label_is_near_in_the_input(seed: int, boundary: str, scale: float) -> None:
    """Every label in the output occurs in the input near the same place."""
    x = np.random.default_rng(seed).integers(0, 5, (7, 9)).astype(np.uint16) * 13000
    actual = enlarge_labels(x, build("bicubic"), scale, boundary)
    assert actual.dtype == np.uint16
    rows, columns = (
        np.clip(np.floor((np.arange(n) + 0.5) / scale).astype(int), 0, m - 1)
        for n, m in zip(actual.shape, x.shape, strict=True)
    )
    for i, j in np.ndindex(actual.shape):
        neighbours = x[max(0, rows[i] - 2) : rows[i] + 3, max(0, columns[j] - 2) : columns[j] + 3]
        assert actual[i, j] in neighbours


def test_tiles_and_threads_do_not_change_labels() -> None:
    """A mask of many tiles is the same on two threads, and so is a part of it alone."""
    x = blobs(200, 150, 30)
    method = build("lanczos")
    expected = enlarge_labels(x, method, 4, threads=2)
    np.testing.assert_array_equal(expected, enlarge_labels(x, method, 4))
    part = enlarge_labels(x[40:160], method, 4)
    np.testing.assert_array_equal(expected[200:600], part[40:440])


def test_nearest_copies_labels() -> None:
    """Nearest repeats the pixels of the mask."""
    x = blobs(30, 40, 256)
    np.testing.assert_array_equal(
        enlarge_labels(x, build("nearest"), 3), np.kron(x, np.ones((3, 3), int))
    )


def test_memory_does_not_grow_with_classes() -> None:
    """256 classes take less than a fifth of the memory of their planes."""
    x = np.random.default_rng(0).integers(0, 256, (48, 128)).astype(np.uint8)
    tracemalloc.start()
    enlarge_labels(x, build("bicubic"), 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256 * (4 * 48 * 4 * 128 * 4) / 5
