from typing import Any

import numpy as np
import pytest
from strategies import random_planes

import upsample_cli
from upsample_cli.errors import SettingError
from upsample_cli.jobs.api import measure, upsample
from upsample_cli.kernels.kernel import Kernel


def test_the_face_hands_on_the_public_names() -> None:
    """`upsample_cli.upsample` and the others are those of their homes."""
    for name in upsample_cli.__all__:
        assert name in dir(upsample_cli)
        assert name == "__version__" or getattr(upsample_cli, name).__name__ == name
    assert upsample_cli.upsample is upsample
    assert upsample_cli.measure is measure
    assert upsample_cli.Kernel is Kernel
    with pytest.raises(AttributeError, match="has no attribute 'downsample'"):
        _ = upsample_cli.downsample


def test_values_are_neither_clipped_nor_rounded() -> None:
    """Planes in memory may have any range."""
    x = 1000 * random_planes(1, 6, 6, 0)
    np.testing.assert_array_equal(upsample(x, "nearest")[:, ::2, ::2], x)


@pytest.mark.parametrize(
    ("planes", "settings", "fault"),
    [
        (np.ones((3, 3)), {}, r"planes are float64 \(3, 3\); give floats, \(C, H, W\)"),
        ([[[1.0, 2.0]]], {}, "planes are of type list; give a NumPy array of floats"),
        (np.ones((1, 0, 3)), {}, "planes are float64"),
        (np.ones((1, 3, 3), np.uint8), {}, "planes are uint8"),
        (np.ones((1, 3, 3)), {"boundary": "wrap"}, "no boundary 'wrap'; choose symmetric"),
        (np.ones((1, 3, 3)), {"scale": 0.5}, "--scale 0.5 would shrink; give 1 to 64"),
        (np.ones((1, 3, 3)), {"threads": 0}, "invalid threads 0; give a whole number of 1 or more"),
        (np.ones((1, 3, 3)), {"threads": 2.0}, "invalid threads 2.0"),
        (np.ones((1, 3, 3)), {"method": "network", "ensemble": "no"}, "invalid --ensemble 'no'"),
        (np.ones((1, 3, 3)), {"method": "cubic"}, "no method 'cubic'; did you mean 'bicubic'"),
    ],
)
def test_what_cannot_be_done_is_told(planes: Any, settings: dict, fault: str) -> None:
    """Integers, other shapes and wrong settings are refused with a remedy."""
    with pytest.raises(SettingError, match=fault):
        upsample(planes, **settings)


@pytest.mark.parametrize(
    ("planes", "stride", "fault"),
    [
        ([[[1.0, 2.0]]], None, "planes are of type list; give a NumPy array of floats"),
        (np.ones((64, 64)), None, r"planes are float64 \(64, 64\); give floats, \(C, H, W\)"),
        (np.ones((1, 64, 64), np.uint8), None, "planes are uint8"),
        (np.ones((1, 64, 64)), 0, "invalid stride 0; give a whole number of 2 or more, or None"),
        (np.ones((1, 64, 64)), "auto", "invalid stride auto"),
        (np.ones((1, 64, 64)), 2.0, "invalid stride 2.0"),
        (np.ones((2, 64, 64)), 2, r"there are 2 planes; give 1 \(grey\) or 3"),
        (np.ones((4, 64, 64)), 2, r"there are 4 planes; give 1 \(grey\) or 3"),
        (np.ones((5, 64, 64)), 2, r"there are 5 planes; give 1 \(grey\) or 3"),
        (np.full((1, 64, 64), np.nan), 2, "planes hold NaN or infinity; replace them"),
        (np.full((1, 64, 64), -1e300), 2, r"planes hold -1e\+300; give 0..1"),
    ],
)
def test_what_cannot_be_measured_is_told(planes: Any, stride: Any, fault: str) -> None:
    """Levels of 0..255, NaN, other shapes and strides that are none are refused with a remedy."""
    with pytest.raises(SettingError, match=fault):
        measure(planes, stride)


def test_measuring_knows_a_pattern() -> None:
    """A lattice of 4 levels' RMS in planes is found in levels."""
    planes = np.random.default_rng(0).normal(0.5, 0.01, (1, 128, 128)).astype(np.float32)
    planes[:, ::2, ::2] += 4 / 255
    planes[:, 1::2, 1::2] += 4 / 255
    found = measure(planes, 2)
    assert found.verdict == "checkerboard"
    assert found.ripple == pytest.approx(2, rel=0.05)
