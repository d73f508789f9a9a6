"""What every method promises, whatever its settings."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Floats, planes, random_planes, seeds
from variants import is_centred, label, variants

from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge.strips import ExtendedInput, output_window
from upsample_cli.methods.catalogue import METHODS
from upsample_cli.methods.method import Method

SCALES = [1.0, 1.5, 2.0, 2.7, 3.0, 4.0, 5.0, 8.0]
every = pytest.mark.parametrize("method", variants(), ids=label)
by_plane = [method for method in variants() if method.is_linear]
linear = [method for method in by_plane if not getattr(method, "antiring", 0)]
padded = [
    method for method in variants()
    if not getattr(method, "antiring", 0) and getattr(method, "edges", "") != "own"
]  # fmt: skip
every_by_plane = pytest.mark.parametrize("method", by_plane, ids=label)
every_linear = pytest.mark.parametrize("method", linear, ids=label)


def enlarged(method: Method, x: Floats, scale: float = 2.0, **options: object) -> Floats:
    values = {item.name: getattr(method, item.name) for item in method.parameters()}
    return upsample(x, method.name, scale=scale, **values, **options)


def is_nearest(method: Method) -> bool:
    return method.name == "nearest" or getattr(method, "order", None) == 0


def test_every_method_is_tried() -> None:
    """The variants below leave no method of the catalogue out."""
    assert {type(method) for method in variants()} == set(METHODS)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_size_and_type(method: Method, dtype: type) -> None:
    """The output is the scale times the input, halves rounded up, and of the input's type."""
    x = random_planes(3, 5, 7, 0).astype(dtype)
    for scale in SCALES:
        actual = enlarged(method, x, scale)
        assert actual.shape == (3, int(5 * scale + 0.5), int(7 * scale + 0.5))
        assert actual.dtype == dtype
        assert np.isfinite(actual).all()


@every_linear
@settings(max_examples=10)
@given(seeds, st.sampled_from(SCALES), st.integers(1, 8), st.integers(1, 8))
def test_linear(method: Method, seed: int, scale: float, height: int, width: int) -> None:
    """A weighted sum of pictures becomes the weighted sum of what they become."""
    x, y = random_planes(2, height, width, seed)[:, None]
    expected = 3 * enlarged(method, x, scale) - 2 * enlarged(method, y, scale)
    np.testing.assert_allclose(enlarged(method, 3 * x - 2 * y, scale), expected, atol=1e-12)


@every_by_plane
@settings(max_examples=10)
@given(planes(), st.sampled_from(SCALES))
def test_channels_are_independent(method: Method, x: Floats, scale: float) -> None:
    """A plane becomes the same whatever planes are beside it."""
    together = enlarged(method, np.concatenate([x, x[::-1]]), scale)
    apart = [enlarged(method, plane[None], scale)[0] for plane in [*x, *x[::-1]]]
    np.testing.assert_allclose(together, apart, atol=1e-12)


@every_by_plane
@pytest.mark.parametrize("scale", [2, 3, 4, 6])
def test_shift_by_a_pixel_is_a_shift_by_the_scale(method: Method, scale: int) -> None:
    """Far from the edges, moving the input by one pixel moves the output by `scale` pixels."""
    x = np.zeros((1, 72, 72))
    x[0, 34:38, 34:38] = random_planes(1, 4, 4, scale)[0]
    moved = np.roll(x, (1, 2), axis=(1, 2))
    expected = np.roll(enlarged(method, x, scale), (scale, 2 * scale), axis=(1, 2))
    inner = (slice(None), *2 * (slice(20 * scale, -20 * scale),))
    assert np.abs(expected[inner]).max() > 0.1
    np.testing.assert_allclose(enlarged(method, moved, scale)[inner], expected[inner], atol=1e-9)


@every_by_plane
@pytest.mark.parametrize("boundary", ["symmetric", "nearest", "zero"])
@pytest.mark.parametrize("scale", [2.0, 3.0, 4.0, 8.0])
def test_flips_and_quarter_turns_commute(method: Method, scale: float, boundary: str) -> None:
    """Turning before is turning after, for a method whose kernel is its own mirror image."""
    x = random_planes(1, 6, 9, 5)
    actual = enlarged(method, x, scale, boundary=boundary)
    centred = is_centred(method.equivalent(scale))
    for turn in (np.flipud, np.fliplr, np.transpose, np.rot90):
        turned = enlarged(method, np.ascontiguousarray(turn(x[0]))[None], scale, boundary=boundary)
        alike = np.allclose(turned[0], turn(actual[0]), atol=1e-9)
        assert alike == centred, f"{turn.__name__}: {'differs' if centred else 'is the same'}"


@pytest.mark.parametrize("method", [item for item in by_plane if not is_nearest(item)], ids=label)
@pytest.mark.parametrize("scale", [1.25, 1.5, 2.6, 3.4])
def test_flips_commute_between_whole_scales(method: Method, scale: float) -> None:
    """A scale between whole numbers is centred too; nearest alone must break ties to a side."""
    x = random_planes(1, 20, 20, 6)
    actual = enlarged(method, x, scale)
    if is_centred(method.equivalent(scale)):
        np.testing.assert_allclose(enlarged(method, x[:, ::-1], scale), actual[:, ::-1], atol=1e-9)
        np.testing.assert_allclose(
            enlarged(method, x.transpose(0, 2, 1), scale), actual.transpose(0, 2, 1), atol=1e-9
        )
    else:
        assert np.abs(enlarged(method, x[:, ::-1], scale) - actual[:, ::-1]).max() > 1e-3


@pytest.mark.parametrize("method", padded, ids=label)
@pytest.mark.parametrize("scale", [2.0, 3.0, 4.0, 5.0])
def test_flat_stays_flat_iff_balanced(method: Method, scale: float) -> None:
    """A flat picture stays flat exactly where all phase sums are equal."""
    actual = enlarged(method, np.full((1, 6, 6), 0.75), scale)
    kernel = method.equivalent(scale)
    sums = np.ones((1, 1)) if kernel is None else kernel.phase_sums
    balanced = np.ptp(sums) < 1e-9
    assert balanced == (np.ptp(actual) < 1e-9)
    if balanced:
        np.testing.assert_allclose(actual, 0.75 * sums.mean(), atol=1e-9)


@every_linear
@pytest.mark.parametrize("scale", [2.0, 3.0, 4.0, 6.0, 8.0])
def test_a_point_becomes_the_equivalent_kernel(method: Method, scale: float) -> None:
    """One pixel of 1 among zeros becomes the taps that the method says it amounts to."""
    kernel = method.equivalent(scale)
    if kernel is None:
        assert method.name in ("nearest", "bilinear", "bicubic", "lanczos", "spline")
        return
    x = np.zeros((1, 41, 41))
    x[0, 20, 20] = 1.0
    actual = enlarged(method, x, scale)[0]
    assert kernel.stride >= scale
    if kernel.stride != scale:  # reduced from the stride to the scale: no kernel alone
        return
    expected = np.zeros_like(actual)
    top, left = (20 * int(scale) - padding for padding in kernel.padding)
    tall, wide = kernel.taps.shape
    expected[top : top + tall, left : left + wide] = kernel.taps
    np.testing.assert_allclose(actual, expected, atol=1e-9)


@every
@settings(max_examples=15)
@given(st.data())
def test_any_window_is_a_crop_of_the_whole(method: Method, data: st.DataObject) -> None:
    """A window of the output does not depend on what else is computed."""
    scale = data.draw(st.sampled_from(SCALES))
    x = random_planes(1, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)), 3)
    size_in = x.shape[1], x.shape[2]
    size_out = int(size_in[0] * scale + 0.5), int(size_in[1] * scale + 0.5)
    stages = method.stages(size_in, size_out)
    picture = ExtendedInput(size_in, lambda down, across: x[:, down, across])
    whole = output_window(stages, picture, range(size_out[0]), range(size_out[1]))
    top, left = (data.draw(st.integers(0, length - 1)) for length in size_out)
    low, right = (
        data.draw(st.integers(start + 1, length))
        for start, length in zip((top, left), size_out, strict=True)
    )
    actual = output_window(stages, picture, range(top, low), range(left, right))
    np.testing.assert_allclose(actual, whole[:, top:low, left:right], atol=1e-12)


@every
def test_threads_make_the_same_bytes(method: Method) -> None:
    """The output is the same to the last bit with any number of threads."""
    x = random_planes(1, 170, 9, 4).astype(np.float32)
    one = enlarged(method, x, 2.0, threads=1)
    assert one.tobytes() == enlarged(method, x, 2.0, threads=3).tobytes()


@every
def test_methods_are_plain_values(method: Method) -> None:
    """A method survives pickling, compares and hashes by its settings, and cannot be changed."""
    again = pickle.loads(pickle.dumps(method))
    assert again == method
    assert hash(again) == hash(method)
    for name in ("name", *(item.name for item in method.parameters())):
        with pytest.raises((AttributeError, TypeError)):
            setattr(method, name, getattr(method, name))


@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic", "lanczos", "spline"])
def test_interpolation_at_scale_1_changes_nothing(name: str) -> None:
    """A picture enlarged by 1 is the picture."""
    x = random_planes(2, 6, 5, 0)
    np.testing.assert_allclose(upsample(x, name, scale=1.0), x, atol=1e-9)
