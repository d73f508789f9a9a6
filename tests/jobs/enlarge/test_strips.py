import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cuts, planes, random_planes

from upsample_cli.jobs.enlarge.strips import ExtendedInput, cut, output_window, strips, tiles
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.method import Method

MODES = {"symmetric": "symmetric", "nearest": "edge", "zero": "constant"}
METHODS = [
    build("nearest"),
    build("lanczos"),
    build("spline", order=5),
    build("tconv", kernel="learned"),
    build("tconv", kernel="random", kernel_size=5),
    build("resize-conv", kernel="sharpen"),
]


def picture_of(x: np.ndarray, boundary: str = "symmetric") -> ExtendedInput:
    """Return planes as an ExtendedInput, and check that only pixels within it are fetched."""

    def fetch(rows: slice, columns: slice) -> np.ndarray:
        assert 0 <= rows.start < rows.stop <= x.shape[1]
        assert 0 <= columns.start < columns.stop <= x.shape[2]
        return x[:, rows, columns]

    return ExtendedInput((x.shape[1], x.shape[2]), fetch, boundary)


@pytest.mark.parametrize("boundary", MODES)
@given(planes(most=6), st.tuples(*[st.integers(-40, 40), st.integers(1, 50)] * 2))
def test_windows_beyond_the_edge_equal_np_pad(
    boundary: str, x: np.ndarray, window: tuple[int, int, int, int]
) -> None:
    """Any window, also one far larger than the picture or far outside it, equals np.pad."""
    top, height, left, width = window
    padded = np.pad(x, ((0, 0), (100, 100), (100, 100)), mode=MODES[boundary])
    expected = padded[:, 100 + top : 100 + top + height, 100 + left : 100 + left + width]
    rows, columns = range(top, top + height), range(left, left + width)
    np.testing.assert_array_equal(picture_of(x, boundary).window(rows, columns), expected)


def test_the_symmetric_boundary_repeats_the_edge() -> None:
    """The row a b c d continues as d c b a on both sides."""
    x = np.array([[[1.0, 2.0, 3.0, 4.0]]])
    actual = picture_of(x).window(range(1), range(-4, 8))
    assert actual.ravel().tolist() == [4, 3, 2, 1, 1, 2, 3, 4, 4, 3, 2, 1]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("boundary", MODES)
@settings(max_examples=12)
@given(st.data(), st.sampled_from([1.5, 2.0, 3.0, 4.0, 2.7]))
def test_the_result_does_not_depend_on_the_cut(
    method: Method, boundary: str, data: st.DataObject, scale: float
) -> None:
    """Strips and tiles of any size, put together, equal the whole picture."""
    x = random_planes(2, 11, 9, 8).astype(np.float32)
    size_in, size_out = (11, 9), (int(11 * scale + 0.5), int(9 * scale + 0.5))
    stages, picture = method.stages(size_in, size_out), picture_of(x, boundary)
    expected = output_window(stages, picture, range(size_out[0]), range(size_out[1]))
    actual = np.full_like(expected, np.nan)
    for rows in data.draw(cuts(size_out[0])):
        for columns in data.draw(cuts(size_out[1])):
            slices = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
            actual[:, slices[0], slices[1]] = output_window(stages, picture, rows, columns)
    np.testing.assert_allclose(actual, expected, atol=3e-6)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 4), st.floats(1, 64))
def test_strips_and_tiles_cover_the_output_once(
    height: int, width: int, channels: int, scale: float
) -> None:
    """Every row and every column occurs once, in order."""
    rows = strips((height, width), channels, scale)
    assert [row for strip in rows for row in strip] == list(range(height))
    assert [column for tile in tiles(width, scale) for column in tile] == list(range(width))


@given(st.integers(1, 300), st.integers(1, 300))
def test_a_cut_has_runs_of_equal_length(length: int, step: int) -> None:
    """The runs cover the length, and only the last one may differ from the step."""
    runs = cut(length, step)
    assert {len(part) for part in runs[:-1]} <= {step}
    assert sum(map(len, runs)) == length
