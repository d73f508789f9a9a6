"""What `--antiring` promises: no overshoot, no seams, nothing changed where nothing rings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import random_planes
from variants import label, variants

from upsample_cli.errors import SettingError
from upsample_cli.jobs.api import upsample
from upsample_cli.methods.catalogue import METHODS, build
from upsample_cli.methods.method import Method, RingingMethod

RINGING: list[dict[str, object]] = [
    {"method": "bicubic"}, {"method": "lanczos"}, {"method": "spline", "order": 5},
    {"method": "tconv"}, {"method": "tconv", "kernel": "learned-sharp"},
    {"method": "resize-conv"}, {"method": "resize-conv", "kernel": "sharpen"},
    {"method": "network", "weights": "clean"},
]  # fmt: skip
every = pytest.mark.parametrize("how", RINGING, ids=lambda how: "-".join(map(str, how.values())))


def step(height: int, width: int) -> np.ndarray:
    """Return a plane that is 0.25 in its left half and 0.75 in its right, and turned."""
    plane = np.full((height, width), np.float32(0.25))
    plane[:, width // 2 :] = 0.75
    plane[height // 2 :, : width // 4] = 0.5
    return plane[None]


def slow(x: np.ndarray, y: np.ndarray, reach: int, strength: float) -> np.ndarray:
    """Return an enlarged plane held back, pixel by pixel, by the sentence in the README."""
    out = y.copy()
    padded = np.pad(x, reach + 1, mode="symmetric")
    for index in np.ndindex(y.shape):
        places = [(o + 0.5) * n / m - 0.5 for o, n, m in zip(index, x.shape, y.shape, strict=True)]
        near = [
            [i + reach + 1 for i in range(-reach - 1, n + reach + 1) if abs(i - at) <= reach + 1e-9]
            for at, n in zip(places, x.shape, strict=True)
        ]
        values = padded[np.ix_(*near)]
        held = min(max(y[index], values.min()), values.max())
        out[index] += strength * (held - y[index])
    return out


@every
@pytest.mark.parametrize("scale", [2, 3, 4, 2.5])
def test_a_step_has_no_overshoot(how: dict[str, object], scale: float) -> None:
    """At strength 1 nothing is darker or lighter than the input's range; without it, it is."""
    x = step(24, 28)
    free, held = (upsample(x, scale=scale, antiring=strength, **how) for strength in (0, 1))
    assert free.max() > 0.752 or free.min() < 0.248
    assert held.max() <= 0.75
    assert held.min() >= 0.25


@pytest.mark.parametrize("strength", [0.3, 1.0])
@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0, 3.0, 6.0])
@pytest.mark.parametrize("how", RINGING[:4], ids=lambda how: how["method"])
def test_every_pixel_is_held_by_its_neighbours(
    how: dict[str, object], scale: float, strength: float
) -> None:
    """The result is that of a loop over pixels: the range of those at most one away, blended."""
    x = random_planes(1, 6, 7, 0)
    free = upsample(x, scale=scale, **how)
    held = upsample(x, scale=scale, antiring=strength, **how)
    np.testing.assert_allclose(held[0], slow(x[0], free[0], 1, strength), atol=1e-9)


def test_a_network_has_wider_neighbours() -> None:
    """A network is held by what lies at most three pixels away."""
    x = random_planes(1, 8, 9, 0).astype(np.float32)
    free, held = (upsample(x, "network", antiring=strength) for strength in (0, 1))
    np.testing.assert_allclose(held[0], slow(x[0], free[0], 3, 1), atol=1e-6)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_opacity_is_held_by_the_nearest_pixels(strength: float) -> None:
    """It comes from a kernel beside a network too: nothing shows outside an opaque shape."""
    x = random_planes(4, 8, 9, 0).astype(np.float32)
    free, held = (upsample(x, "network", antiring=one) for one in (0, strength))
    np.testing.assert_allclose(held[3], slow(x[3], free[3], 1, strength), atol=1e-6)
    np.testing.assert_allclose(held[0], slow(x[0], free[0], 3, strength), atol=1e-6)


@pytest.mark.parametrize("how", [how for how in RINGING if how.get("kernel") != "sharpen"])
def test_nothing_changes_where_nothing_rings(how: dict[str, object]) -> None:
    """On a ramp, far from its ends, not a bit is changed."""
    x = np.broadcast_to(np.linspace(0.2, 0.8, 48, dtype=np.float32), (1, 40, 48)).copy()
    free, held = (upsample(x, antiring=strength, **how) for strength in (0, 0.7))
    inside = (slice(None), slice(30, 50), slice(30, 66))
    assert held[inside].tobytes() == free[inside].tobytes()


@every
@settings(max_examples=5)
@given(st.integers(1, 40), st.integers(2, 4))
def test_bytes_do_not_depend_on_threads(how: dict[str, object], height: int, threads: int) -> None:
    """Any number of threads makes the same bytes."""
    x = random_planes(1, 8 * height, 9, height).astype(np.float32)
    one, more = (upsample(x, antiring=0.5, threads=n, **how) for n in (1, threads))
    assert one.tobytes() == more.tobytes()


@pytest.mark.parametrize("method", ["bicubic", "tconv", "spline"])
def test_a_nan_spreads_as_far_as_it_is_drawn_on(method: str) -> None:
    """What draws on a NaN, as a tap or a neighbour, is NaN, and nothing else is."""
    x = random_planes(1, 30, 30, 0)
    x[0, 15, 15] = np.nan
    free, held = (np.isnan(upsample(x, method, antiring=strength)) for strength in (0, 0.5))
    np.testing.assert_array_equal(held, free)


@pytest.mark.parametrize("method", ["bicubic", "lanczos", "spline", "tconv", "resize-conv"])
def test_a_copy_keeps_what_is_not_finite(method: str) -> None:
    """At scale 1 samples are copied, with antiringing too: no NaN or infinity spreads."""
    x = random_planes(1, 9, 9, 0)
    x[0, 4, 4:6] = np.nan, np.inf
    np.testing.assert_array_equal(upsample(x, method, scale=1, antiring=1), x)


@pytest.mark.parametrize(
    "how",
    [
        {"name": "nearest"}, {"name": "bilinear"}, {"name": "spline", "order": 1},
        {"name": "tconv", "kernel": "uniform"}, {"name": "resize-conv", "kernel": "gaussian"},
    ],
)  # fmt: skip
def test_what_cannot_ring_refuses_it(how: dict[str, object]) -> None:
    """A method without negative taps has nothing to hold back, and says so."""
    with pytest.raises(SettingError, match="--antiring is for"):
        build(**how, antiring=0.5)  # type: ignore[arg-type] # settings of any kind


def test_a_kernel_file_without_negative_taps_refuses_it(tmp_path: object) -> None:
    """The taps of a file are looked at once they are used."""
    np.save(f"{tmp_path}/k.npy", np.ones((4, 4)))
    with pytest.raises(SettingError, match=r"k.npy' has no negative taps; leave --antiring out"):
        upsample(step(8, 8), "tconv", kernel=f"{tmp_path}/k.npy", antiring=1)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), "1"])
def test_a_strength_is_between_0_and_1(strength: object) -> None:
    """Anything else is refused by name."""
    with pytest.raises(SettingError, match=r"--antiring \S+ is out of range; give 0 to 1"):
        build("bicubic", antiring=strength)


@pytest.mark.parametrize("method", [item for item in variants() if item.is_linear], ids=label)
def test_what_goes_beyond_its_input_can_be_held(method: Method) -> None:
    """Every method of the catalogue that overshoots a step has the setting."""
    if type(method) not in METHODS or getattr(method, "antiring", 0):
        return
    values = {item.name: getattr(method, item.name) for item in method.parameters()}
    y = upsample(step(24, 28), method.name, scale=2, **values)
    kernel = method.equivalent(2)
    if kernel is not None and np.ptp(kernel.phase_sums) > 1e-6:
        return  # beyond the input because it is uneven
    rings = isinstance(method, RingingMethod) and method.rings
    assert rings == bool(y.max() > 0.7501 or y.min() < 0.2499)
