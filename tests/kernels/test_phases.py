import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Floats, seeds

from upsample_cli.errors import SettingError
from upsample_cli.kernels.named import KERNELS, uniform
from upsample_cli.kernels.phases import balanced, first_moments, phase_sums

strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
extra = st.tuples(st.integers(0, 4), st.integers(0, 4))


def projected(taps: Floats, stride: tuple[int, int], ramp: bool) -> Floats:
    """Return the nearest balanced taps by one dense system of every condition there is."""
    size, rows = taps.size, []
    places = np.indices(taps.shape)
    phase = (places[0] % stride[0]) * stride[1] + places[1] % stride[1]
    weights = [np.ones(taps.shape), *([*places] if ramp else [])]
    for weight in weights:
        sums = np.array([(weight * (phase == a)).ravel() for a in range(np.prod(stride))])
        rows.extend(sums[1:] - sums[0])  # each phase as the first
    rows.append(np.ones(size))  # the overall sum
    conditions = np.array(rows)
    goal = np.zeros(len(rows))
    goal[-1] = taps.sum()
    change = np.linalg.pinv(conditions, rcond=1e-9) @ (goal - conditions @ taps.ravel())
    return taps + change.reshape(taps.shape)


@given(seeds, strides, extra, st.booleans())
def test_repair_is_the_projection(
    seed: int, stride: tuple[int, int], more: tuple[int, int], ramp: bool
) -> None:
    """The taps are the nearest that meet every condition, as a dense least squares finds them."""
    least = [2 * s - 1 if ramp else s for s in stride]
    size = [k + item for k, item in zip(least, more, strict=True)]
    taps = np.random.default_rng(seed).normal(size=size)
    result = balanced(taps, stride, ramp)
    np.testing.assert_allclose(result, projected(taps, stride, ramp), atol=1e-9)
    np.testing.assert_allclose(result.sum(), taps.sum(), atol=1e-12)
    assert np.ptp(phase_sums(result, stride)) < 1e-12
    if ramp:
        for moments in first_moments(result, stride):
            assert np.ptp(moments) < 1e-11
    np.testing.assert_allclose(balanced(result, stride, ramp), result, atol=1e-12)


@given(seeds, st.integers(1, 4), st.integers(0, 5), st.booleans())
def test_symmetric_taps_stay_symmetric(seed: int, stride: int, more: int, ramp: bool) -> None:
    """Mirrored or turned taps are mended to mirrored or turned ones."""
    taps = np.random.default_rng(seed).normal(size=(2 * stride - 1 + more,) * 2)
    result = balanced(taps, (stride, stride), ramp)
    for seen in (np.flipud, np.fliplr, np.transpose):
        mended = balanced(seen(taps), (stride, stride), ramp)
        np.testing.assert_allclose(mended, seen(result), atol=1e-12)


@pytest.mark.parametrize("stride", [2, 3, 4, 8])
def test_equal_taps_become_the_linear_kernel(stride: int) -> None:
    """The nearest balanced kernel to 2s - 1 equal taps an axis is bilinear interpolation at s=2.

    At any stride a balanced kernel is left as it is.
    """
    linear = KERNELS["bilinear"](stride).taps
    np.testing.assert_allclose(balanced(linear, (stride, stride), True), linear, atol=1e-15)
    if stride == 2:
        triangle = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
        np.testing.assert_allclose(balanced(uniform(2, 3).taps, (2, 2)), triangle, atol=1e-15)


def test_every_kernel_of_a_layer_is_mended_by_itself(rng: np.random.Generator) -> None:
    """Leading axes are kernels of their own, each keeping its sum."""
    weights = rng.normal(size=(3, 2, 5, 4))
    result = balanced(weights, (2, 2), True)
    for place in np.ndindex(3, 2):
        np.testing.assert_allclose(
            result[place], balanced(weights[place], (2, 2), True), atol=1e-14
        )


def test_the_given_taps_are_left_alone(rng: np.random.Generator) -> None:
    """Repair returns new taps."""
    taps = rng.normal(size=(4, 4))
    kept = taps.copy()
    balanced(taps, (2, 2))
    np.testing.assert_array_equal(taps, kept)


@pytest.mark.parametrize(
    ("size", "stride", "ramp", "fault"),
    [
        ((2, 4), (3, 3), False, "kernel 2 is smaller than stride 3, .*; use kernel 3 or 6"),
        ((4, 4), (3, 3), True, "no kernel of 4 taps keeps ramps at stride 3; .* 5 taps or more"),
        ((3, 2), (2, 2), True, "no kernel of 2 taps keeps ramps at stride 2"),
    ],
)
def test_what_cannot_be_mended_is_refused(
    size: tuple[int, int], stride: tuple[int, int], ramp: bool, fault: str
) -> None:
    """Phases without taps, and ramps with too few, are told with what would do."""
    with pytest.raises(SettingError, match=fault):
        balanced(np.ones(size), stride, ramp)


def test_the_fewest_taps_that_keep_ramps_do() -> None:
    """2s - 1 taps are enough, whatever they were."""
    for stride in (1, 2, 3, 4):
        size = 2 * stride - 1
        taps = np.random.default_rng(stride).uniform(0.5, 1, (size, size))
        result = balanced(taps, (stride, stride), True)
        sums = phase_sums(result, (stride, stride))
        np.testing.assert_allclose(sums, sums.mean(), atol=1e-12)
        for moments in first_moments(result, (stride, stride)):
            np.testing.assert_allclose(moments, moments.mean(), atol=1e-12)
