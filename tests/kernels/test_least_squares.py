import numpy as np
import pytest
import reference
from textures import natural_texture

from upsample_cli.kernels.kernel import Kernel
from upsample_cli.kernels.least_squares import Moments, Structure, fit
from upsample_cli.kernels.named import resize_conv_kernel
from upsample_cli.metrics.ripple import ripple

STRIDES = [2, 3]
ALL = [
    Structure(method, separable, balance)
    for method in ("tconv", "resize-conv")
    for separable in (True, False)
    for balance in ("flat", "ramp", "none")
]


def moments_of(kernel: Kernel, taps: int, noise: float = 0.0) -> Moments:
    """Return the moments of a texture and what a kernel makes of it."""
    low = natural_texture(60, 60, 9)[0].astype(np.float64) * 255
    high = reference.apply_stage(
        kernel.stage(), low[None], (60 * kernel.stride, 60 * kernel.stride)
    )
    rng = np.random.default_rng(0)
    moments = Moments(kernel.stride, taps)
    actual = high[0] + rng.normal(0, noise, high.shape[1:])
    moments.add(low, actual, 10**6, rng)
    assert moments.count == (61 - taps) ** 2
    return moments


def kernel_of(taps: np.ndarray, structure: Structure, stride: int) -> Kernel:
    taps = np.outer(taps, taps) if taps.ndim == 1 else taps
    if structure.method == "tconv":
        return Kernel("fitted", taps, stride)
    return resize_conv_kernel(Kernel("fitted", taps, 1), "nearest", stride)


def hidden(method: str, stride: int, taps: int) -> Kernel:
    """Return a symmetric, balanced, ramp-exact kernel as `fit` shapes them."""
    if method == "tconv":
        distance = (np.arange(stride * taps) - (stride * taps - 1) / 2) / stride
        along = np.maximum(0.0, 1.0 - np.abs(distance))
        return Kernel.outer("hidden", along, stride)
    free = np.zeros((taps - 1) * stride + 1)
    free[len(free) // 2 - 1 : len(free) // 2 + 2] = [0.25, 0.5, 0.25]
    return resize_conv_kernel(Kernel.outer("hidden", free, 1), "nearest", stride)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("separable", [True, False])
@pytest.mark.parametrize("method", ["tconv", "resize-conv"])
def test_fit_recovers_the_kernel_that_made_the_pictures(
    method: str, separable: bool, stride: int
) -> None:
    """Pictures made by a kernel of the wanted structure give that kernel back."""
    kernel = hidden(method, stride, 3)
    structure = Structure(method, separable, "flat")
    result = kernel_of(fit(moments_of(kernel, 3), structure, 0.0), structure, stride)
    np.testing.assert_allclose(result.taps, kernel.taps, atol=1e-5)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("structure", ALL, ids=lambda item: "-".join(map(str, each_of(item))))
def test_structures_hold_whatever_the_pictures(structure: Structure, stride: int) -> None:
    """Symmetry always, equal phase sums and ramps where asked for, exactly."""
    odd = Kernel("odd", np.random.default_rng(1).uniform(0, 0.6, (3 * stride, 3 * stride)), stride)
    taps = fit(moments_of(odd, 5, 3.0), structure, 1.0)
    assert taps.ndim == (1 if structure.separable else 2)
    result = kernel_of(taps, structure, stride)
    for mirrored in (result.taps[::-1], result.taps[:, ::-1], result.taps.T):
        np.testing.assert_allclose(result.taps, mirrored, atol=1e-9)
    assert result.shift == (0.0, 0.0)
    if structure.balance != "none":
        np.testing.assert_allclose(result.phase_sums, 1.0, atol=1e-9)
        assert ripple(result.phase_sums) < 1e-9
    elif structure.method == "tconv" and stride > 2:  # with two phases symmetry is balance
        assert ripple(result.phase_sums) > 1e-4
    if structure.balance == "ramp":
        ramp = np.arange(30.0)[None, :, None] + np.zeros((1, 1, 30))
        actual = reference.apply_stage(result.stage(), ramp, (30 * stride, 30 * stride))[
            0, :, 15 * stride
        ]
        expected = (np.arange(30 * stride) + 0.5) / stride - 0.5
        inner = slice(10 * stride, -10 * stride)
        np.testing.assert_allclose(actual[inner], expected[inner], atol=1e-8)


def each_of(structure: Structure) -> tuple[str, str, str]:
    shape = "separable" if structure.separable else "full"
    return structure.method, shape, structure.balance


@pytest.mark.parametrize("separable", [True, False])
def test_no_other_kernel_of_the_structure_is_better(separable: bool) -> None:
    """A balanced kernel near the fitted one fits the pictures less well."""
    stride, structure = 2, Structure("tconv", separable, "none")
    odd = Kernel("odd", np.random.default_rng(1).uniform(0, 0.6, (6, 6)), stride)
    moments = moments_of(odd, 3)
    best = kernel_of(fit(moments, structure, 0.0), structure, stride).taps

    def error(taps: np.ndarray) -> float:
        phases = [taps[::-1][1 - a :: 2][:, ::-1][:, 1 - b :: 2].ravel()
                  for a in (0, 1) for b in (0, 1)]  # fmt: skip
        weights = np.stack(phases, axis=1)
        return float(np.einsum("ip,ij,jp", weights, moments.gram, weights)
                     - 2 * (weights * moments.cross).sum())  # fmt: skip

    rng = np.random.default_rng(2)
    for _ in range(20):
        if separable:
            along = np.sqrt(np.abs(np.diag(best))) * np.sign(best[2])
            half = rng.normal(0, 0.01, 3)
            moved = along + np.concatenate([half, half[::-1]])
            other = np.outer(moved, moved)
        else:
            step = rng.normal(0, 0.01, (6, 6))
            other = best + sum(np.rot90(part, k) for k in range(4) for part in (step, step.T))
        assert error(other) > error(best)


def test_expected_noise_makes_a_kernel_softer() -> None:
    """The more noise is expected, the less of it the kernel lets through."""
    kernel = Kernel("sharp", np.outer([-1, 5, 5, -1], [-1, 5, 5, -1]) / 16.0, 2)
    moments = moments_of(kernel, 5)
    gains = []
    for noise in (0.0, 4.0, 16.0):
        structure = Structure()
        taps = kernel_of(fit(moments, structure, noise), structure, 2).taps
        gains.append(np.square(taps).sum())
    assert gains == sorted(gains, reverse=True)
    assert gains[2] < 0.9 * gains[0]


def test_moments_are_those_of_all_patches(rng: np.random.Generator) -> None:
    """Taken in by parts, they are the sums over every patch, and its variance, one by one."""
    s, n, moments = 2, 3, Moments(2, 3)
    gram, cross, variances = np.zeros((9, 9)), np.zeros((9, 4)), []
    for height, width in ((6, 5), (4, 7)):
        low, high = rng.normal(size=(height, width)), rng.normal(size=(height * s, width * s))
        moments.add(low, high, 10**6, rng)
        for i, j in np.ndindex(height - 2, width - 2):
            patch = low[i : i + n, j : j + n].ravel()
            cell = high[s * (i + 1) : s * (i + 2), s * (j + 1) : s * (j + 2)].ravel()
            gram += np.outer(patch, patch)
            cross += np.outer(patch, cell)
            variances.append(patch.var())
    np.testing.assert_allclose(moments.gram, gram)
    np.testing.assert_allclose(moments.cross, cross)
    assert moments.count == len(variances)
    np.testing.assert_allclose(moments.variance, np.mean(variances))
