import layers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from upsample_cli.jobs.audit.layer_figures import figures, taps_remedy
from upsample_cli.jobs.audit.weights import sub_pixel, transposed
from upsample_cli.networks.upsampling_layer import RESIZE_CONV, Layer
from upsample_cli.planes import Size

axes = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=40)
@given(seeds, axes, axes, axes, st.sampled_from([1, 2]))
def test_a_transposed_convolution_by_brute_force(
    seed: int,
    size: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> None:
    """Average and worst ripple are those of flat inputs, one channel at a time.

    Any kernel, stride and dilation of each axis, and groups.
    """
    weights = np.random.default_rng(seed).normal(size=(2, 1, *size))
    periods = []
    for channel in range(2):
        x = np.zeros((2, 8, 8))
        x[channel] = 1
        out = layers.transposed(x, weights, stride, dilation, groups)
        periods.append(layers.one_period(out, stride))
    found = figures(transposed("up", weights, stride, (0, 0), dilation, groups))
    made = np.array(periods)
    np.testing.assert_allclose(found.ripple, layers.ripple_of(made), rtol=1e-9, atol=1e-12)
    sizes = np.sqrt((made.mean(axis=(2, 3)) ** 2).sum(axis=0))
    each = [layers.ripple_of(made[:, o : o + 1]) if sizes[o] > 0.01 * np.sqrt((sizes**2).mean())
            else 0.0 for o in range(made.shape[1])]  # fmt: skip
    assert found.worst_channel is not None
    np.testing.assert_allclose(found.worst_ripple, max(each), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(each[found.worst_channel], max(each), rtol=1e-9, atol=1e-12)


def test_a_channel_whose_mean_is_near_0_is_not_the_worst() -> None:
    """Over almost nothing any pattern is large: it would hide the channel that is seen."""
    weights = np.ones((1, 3, 2, 2))
    weights[0, 1, 0, 0], weights[0, 2] = 2.0, [[1.0, -1.0], [1.0, -0.99]]
    assert figures(transposed("up", weights, (2, 2), None)).worst_channel == 1
    weights[0, :, 0] = -weights[0, :, 1]  # the mean of every channel is 0
    found = figures(transposed("up", weights, (2, 2), None))
    assert (found.worst_channel, found.worst_ripple, found.verdict) == (None, None, "checkerboard")


@pytest.mark.parametrize("stride", [(2, 2), (3, 3), (1, 4)])
def test_a_sub_pixel_convolution_by_brute_force(rng: np.random.Generator, stride: Size) -> None:
    """Ripple and bias ripple are those of a convolution and a shuffle."""
    weights = rng.normal(size=(2 * stride[0] * stride[1], 4, 3, 2))
    bias = rng.normal(size=len(weights))
    periods = []
    for channel in range(4):
        x = np.zeros((4, 6, 6))
        x[channel] = 1
        out = layers.shuffled(layers.convolved(x, weights), stride)
        periods.append(layers.one_period(out, stride))
    found = figures(sub_pixel("up", weights, bias, stride, (0, 0)))
    made = np.array(periods)
    np.testing.assert_allclose(found.ripple, layers.ripple_of(made), rtol=1e-12)
    dark = layers.shuffled(np.tile(bias[:, None, None], (1, 6, 6)), stride)
    spread = np.sqrt(layers.one_period(dark, stride).var(axis=(1, 2)).mean())
    gain = np.sqrt((made.mean(axis=(2, 3)) ** 2).sum() / 2)
    np.testing.assert_allclose(found.bias_ripple, spread / gain, rtol=1e-12)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_icnr_has_no_ripple(rng: np.random.Generator, stride: int) -> None:
    """Weights that begin as one kernel a block of pixels make none, to the last bit."""
    weights = np.repeat(rng.normal(size=(3, 8, 3, 3)), stride**2, axis=0).astype(np.float32)
    bias = np.repeat(rng.normal(size=3), stride**2)
    found = figures(sub_pixel("up", weights, bias, (stride, stride), (1, 1)))
    assert (found.ripple, found.worst_ripple, found.bias_ripple) == (0.0, 0.0, 0.0)
    assert (found.verdict, found.remedy, found.shift) == ("none", "", (0.0, 0.0))


def test_uneven_biases_are_a_checkerboard_of_their_own(rng: np.random.Generator) -> None:
    """With even weights the biases alone are blamed."""
    weights = np.repeat(rng.normal(size=(3, 8, 3, 3)), 4, axis=0)
    found = figures(sub_pixel("up", weights, rng.normal(size=12), (2, 2), (1, 1)))
    assert found.ripple == 0.0
    assert (found.verdict, found.most) == ("checkerboard", found.bias_ripple)
    assert found.remedy == "the phases have different biases: give each block one bias"


@pytest.mark.parametrize("stride", [2, 4])
def test_independent_weights_ripple_by_the_root_of_the_phases(stride: int) -> None:
    """Random weights have ripple sqrt(s^2 - 1), though the stride divides the kernel."""
    weights = np.random.default_rng(0).normal(size=(64, 64, 2 * stride, 2 * stride))
    found = figures(transposed("up", weights, (stride, stride), (0, 0)))
    assert found.divides
    assert found.ripple == pytest.approx((stride**2 - 1) ** 0.5, rel=0.03)


def test_the_shift_follows_from_size_stride_padding_and_dilation() -> None:
    """PyTorch's k=3, s=2, p=1 moves by half a pixel, k=4 does not; without padding none is told."""
    weights = np.ones((1, 1, 3, 4))
    assert figures(transposed("up", weights, (2, 2), (1, 1))).shift == (-0.5, 0.0)
    assert figures(transposed("up", weights, (2, 2), (1, 1), (2, 2))).shift == (0.5, 1.5)
    assert figures(transposed("up", weights, (2, 2), None)).shift is None


def test_a_dead_channel_has_no_ripple_and_a_cancelling_one_infinite() -> None:
    """Channels whose weights are 0 are even; ones whose phases cancel have nothing to ripple on."""
    weights = np.zeros((1, 2, 2, 2))
    weights[0, 1] = [[1, -1], [-1, 1]]
    found = figures(transposed("up", weights, (2, 2), (0, 0)))
    assert (found.ripple, found.worst_channel, found.worst_ripple) == (float("inf"), None, None)
    assert figures(transposed("up", weights[:, :1], (2, 2), (0, 0))).ripple == 0.0


def test_resize_convolutions_have_none_by_construction() -> None:
    """Interpolation keeps a flat picture flat, so there is nothing to compute."""
    found = figures(Layer("up", RESIZE_CONV, (2, 2), (3, 3)))
    assert (found.ripple, found.worst_channel, found.verdict) == (0.0, None, "none")


def test_what_is_unknown_is_told() -> None:
    """A layer whose weights cannot be read has no figures but a reason."""
    found = figures(Layer("up", "tconv", unknown="its weights are an input of the model"))
    assert (found.ripple, found.verdict, found.most) == (None, "unknown", 0.0)
    assert found.remedy == "its weights are an input of the model"


def test_dilation_that_shares_a_factor_with_the_stride_leaves_holes() -> None:
    """Dilation 2 with stride 2 feeds one phase of four."""
    found = figures(transposed("up", np.ones((1, 1, 4, 4)), (2, 2), (0, 0), (2, 2)))
    assert found.ripple == pytest.approx(3**0.5)
    assert not found.divides
    assert found.remedy == taps_remedy((4, 4), (2, 2), (2, 2))
    assert "share the factor 2" in found.remedy


@pytest.mark.parametrize("size", [(3, 3), (4, 4), (4, 3)])
def test_a_repair_is_no_remedy_for_dilated_taps(size: Size) -> None:
    """`upsample repair` refuses these, along whichever axis they are dilated."""
    assert "upsample repair" in taps_remedy(size, (2, 2), (1, 1))
    for dilation in ((3, 3), (3, 1), (1, 3)):
        remedy = taps_remedy(size, (2, 2), dilation)
        assert "repair" not in remedy
        assert remedy.endswith(", or use resize-conv")


def test_sums_that_overflow_are_unknown() -> None:
    """Finite weights whose sums are not have no figure, and no verdict either."""
    found = figures(transposed("up", np.full((2, 1, 4, 4), 1e308), (2, 2), (0, 0)))
    assert (found.verdict, found.ripple) == ("unknown", None)
    assert found.remedy == "sums of its weights overflow"


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_what_rounding_leaves_of_no_gain_is_no_checkerboard(
    rng: np.random.Generator, kind: type[np.floating]
) -> None:
    """Phases that sum to 0 but for rounding are even, also beside channels that do not."""
    weights = rng.normal(size=(3, 2, 2, 2, 2, 2))
    weights -= weights.mean(axis=(2, 4), keepdims=True)
    weights[:, 1] += np.abs(rng.normal(size=(3, 1, 1, 1, 1)))
    found = figures(transposed("up", weights.reshape(3, 2, 4, 4).astype(kind), (2, 2), (1, 1)))
    assert found.verdict == "none"
    assert found.worst_ripple == pytest.approx(0.0, abs=1e-6)
