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


def made(
    x: Any, method: Method, scale: float, boundary: str = "symmetric", threads: int = 1
) -> Any:
    """Return labels enlarged."""
    size = (round(x.shape[0] * scale), round(x.shape[1] * scale))
    return enlarged(x, method.stages(x.shape, size), size, boundary, threads)


def blobs(height: int, width: int, count: int, seed: int = 0) -> Any:
    """Return labels of regions some pixels across, not all of which need be there."""
    cells = np.random.default_rng(seed).integers(0, count, (height // 4 + 1, width // 4 + 1))
    return np.kron(cells, np.ones((4, 4), int))[:height, :width].astype(np.uint8)


@pytest.mark.parametrize("method", variants(), ids=label)
@pytest.mark.parametrize("scale", [2, 1.5])
def test_the_largest_plane_wins(method: Method, scale: float) -> None:
    """Every label is the one whose plane of ones and zeros, enlarged alone, is largest."""
    x = blobs(20, 24, 12)
    classes = np.unique(x)
    settings = asdict(method)
    planes = (x == classes[:, None, None]).astype(np.float64)
    each = upsample(planes, method.name, scale=scale, **settings)
    ranked = np.sort(each, axis=0)
    clear = ranked[-1] - ranked[-2] > 1e-4
    found = made(x, method, scale)
    assert found.dtype == x.dtype
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(found[clear], classes[each.argmax(axis=0)][clear])
    # Elsewhere it is one of those that are as large.
    place = np.searchsorted(classes, found)
    won = np.take_along_axis(each, place[None], axis=0)[0]
    assert (ranked[-1] - won < 1e-4).all()


def test_the_lower_label_wins_a_tie() -> None:
    """In the middle between two labels both planes are a half."""
    x = np.array([[9, 4], [9, 4]], np.uint8)
    assert made(x, build("bilinear"), 2).tolist() == [[9, 9, 4, 4]] * 4
    assert made(x, build("bilinear"), 3)[0].tolist() == [9, 9, 9, 4, 4, 4]
    corner = np.array([[7, 3], [3, 7]], np.uint8)
    middle = made(corner, build("tconv", kernel="uniform", kernel_size=4), 2)[1:3, 1:3]
    assert middle.tolist() == [[3, 3], [3, 3]]


@given(seeds, st.sampled_from(["symmetric", "nearest", "zero"]), st.sampled_from([1.5, 2.0, 3.0]))
def test_no_label_is_new_and_none_travels(seed: int, boundary: str, scale: float) -> None:
    """What is in the output is in the input, near where it was."""
    x = np.random.default_rng(seed).integers(0, 5, (7, 9)).astype(np.uint16) * 13000
    found = made(x, build("bicubic"), scale, boundary)
    assert found.dtype == np.uint16
    rows, columns = (
        np.clip(np.floor((np.arange(n) + 0.5) / scale).astype(int), 0, m - 1)
        for n, m in zip(found.shape, x.shape, strict=True)
    )
    for i, j in np.ndindex(found.shape):
        near = x[max(0, rows[i] - 2) : rows[i] + 3, max(0, columns[j] - 2) : columns[j] + 3]
        assert found[i, j] in near


def test_tiles_and_threads_do_not_show() -> None:
    """A mask of many tiles is the same on two threads, and as parts of it alone."""
    x = blobs(200, 150, 30)
    method = build("lanczos")
    whole = made(x, method, 4, threads=2)
    np.testing.assert_array_equal(whole, made(x, method, 4))
    part = made(x[40:160], method, 4)
    np.testing.assert_array_equal(whole[200:600], part[40:440])


def test_nearest_copies_labels() -> None:
    """With nearest the mask is its own pixels, repeated."""
    x = blobs(30, 40, 256)
    np.testing.assert_array_equal(made(x, build("nearest"), 3), np.kron(x, np.ones((3, 3), int)))


def test_memory_does_not_grow_with_classes() -> None:
    """256 classes take little more than the output, where their planes would take 256 times it."""
    x = np.random.default_rng(0).integers(0, 256, (48, 128)).astype(np.uint8)
    tracemalloc.start()
    made(x, build("bicubic"), 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256 * (4 * 48 * 4 * 128 * 4) / 5
