from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enlargers import enlarger, written
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from strategies import random_planes

from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.network_methods import NetworkMethod

Reals = NDArray[np.float32]


@pytest.fixture(params=["network", "onnx", "onnx of luma"])
def how(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Return a method of a network with its settings."""
    if request.param == "network":
        return {"method": "network"}
    model = enlarger(channels=1 if "luma" in request.param else 3)
    return {"method": "onnx", "model": written(model, tmp_path), "edges": "boundary"}


def weighted(planes: Reals, method: str, scale: int = 2, **settings: Any) -> Reals:
    """Weight colours by the last plane, opacity, and return their enlargement, still weighted."""
    built = build(method, **settings)
    assert isinstance(built, NetworkMethod)
    height, width = planes.shape[1:]
    size = height * scale, width * scale
    stages = replace(built, is_weighted=True).stages((height, width), size)
    return enlarge(np.concatenate([planes[:-1] * planes[-1], planes[-1:]]), stages, size)


def card(size: int = 40, edge: int = 8) -> Reals:
    """Return a drawing on a plain square, on a hidden ground."""
    planes = np.zeros((4, size, size), np.float32)
    planes[3, edge:-edge, edge:-edge] = 1
    planes[:3] = np.array([1, 0.9, 0.2], np.float32)[:, None, None]
    planes[:3, size // 2 - 1 : size // 2 + 1, edge + 3 : -edge - 3] = 0
    return planes


def nearest_range(opacity: Reals, scale: int) -> tuple[Reals, Reals]:
    """Return the least and the greatest of the input pixels nearest to each output."""
    sides = [(np.arange(n * scale) + 0.5) / scale - 0.5 for n in opacity.shape]
    near = [
        np.abs(np.arange(n) - side[:, None]) < 1.001
        for n, side in zip(opacity.shape, sides, strict=True)
    ]
    low = np.where(near[0][..., None], opacity, np.inf).min(1)
    low = np.where(near[1], low[:, None], np.inf).min(2)
    high = np.where(near[0][..., None], opacity, 0).max(1)
    return low, np.where(near[1], high[:, None], 0).max(2)


@pytest.mark.parametrize("scale", SHIPPED_STRIDES)
def test_a_sprite_is_enlarged_as_if_it_went_on_beyond_its_edge(scale: int) -> None:
    """Its colours are sharp up to the edge, without a fringe; opacity is the kernel's."""
    planes = card()
    whole = upsample(planes[:3], "network", scale=scale)
    planes[:3, planes[3] == 0] = 0.5  # of no matter
    actual = weighted(planes, "network", scale)
    seen = actual[3] > 0.1
    colours = actual[:3, seen] / actual[3, seen]
    np.testing.assert_allclose(colours, whole[:, seen], atol=5e-3)
    kernel = upsample(planes[3:], "tconv", scale=scale)[0]
    np.testing.assert_allclose(actual[3], np.clip(kernel, *nearest_range(planes[3], scale)))
    linear = upsample(planes[:3] * planes[3], "tconv", scale=scale)
    assert np.abs(actual[:3] - linear)[:, seen].max() > 0.1


def test_even_opacity_leaves_the_colours_as_they_are(how: dict[str, Any]) -> None:
    """A picture of one opacity gets the colours of an opaque one, also the faintest."""
    for colours in (1, 3):
        planes = np.abs(random_planes(colours + 1, 20, 18, 1)).astype(np.float32)
        opaque = upsample(planes[:-1], **how)
        for opacity in (1, 0.25, 1 / 255):
            planes[-1] = opacity
            actual = weighted(planes, **how)
            np.testing.assert_allclose(actual[:-1] / actual[-1], opaque, atol=2e-4)


def test_a_hidden_picture_stays_hidden(how: dict[str, Any]) -> None:
    """Where nothing is visible, all planes are 0."""
    planes = random_planes(4, 9, 30, 1).astype(np.float32)
    planes[3] = 0
    assert not weighted(planes, **how).any()


def test_a_shadow_does_not_darken_what_it_lies_under(how: dict[str, Any]) -> None:
    """At the edge of a white shape on its faint black shadow, colours count by their opacity."""
    planes = np.ones((4, 24, 24), np.float32)
    planes[:3, :, 12:], planes[3, :, 12:] = 0, 0.04
    linear = upsample(np.concatenate([planes[:3] * planes[3], planes[3:]]), "tconv")
    expected = on_white(linear[:3] / linear[3], linear[3])
    actual = weighted(planes, **how)
    np.testing.assert_allclose(on_white(actual[:3] / actual[3], actual[3]), expected, atol=0.05)
    mixed = on_white(upsample(planes[:3], **how), linear[3])
    assert np.abs(mixed - expected).max() > 0.12


def on_white(colours: Reals, opacity: Reals) -> Reals:
    """Return colours laid on white, with an opacity in the range of the nearest input pixels."""
    held = np.clip(opacity, 0.04, 1)
    held[:, :23], held[:, 25:] = 1, 0.04
    return np.clip(colours, 0, 1) * held + 1 - held


@pytest.mark.parametrize("level", [3, -0.2])
def test_colours_beyond_the_range_stay(how: dict[str, Any], level: float) -> None:
    """Floats may be beyond 0..1, in a glow of half opacity and in a faint one."""
    planes = np.full((4, 20, 200), level, np.float32)
    planes[3], planes[3, 9:11] = np.linspace(0.01, 0.5, 200), 0
    actual = weighted(planes, **how)
    seen = actual[3] > 0.005
    np.testing.assert_allclose(actual[:3, seen] / actual[3, seen], level, rtol=1e-3)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_a_faint_ground_beside_a_shape_has_no_holes(how: dict[str, Any], scale: int) -> None:
    """The kernel's opacity undershoots there; it is held before a next pass takes it for hidden."""
    planes = np.full((4, 24, 24), 0.5, np.float32)
    planes[3], planes[3, 8:16, 8:16] = 0.1, 1
    actual = weighted(planes, **{**how, "scale": scale})
    assert actual[3].min() > 0.0999
    np.testing.assert_allclose(actual[:3] / actual[3], 0.5, atol=1e-4)


def test_hidden_pixels_make_no_seams(tmp_path: Path) -> None:
    """Where strips and tiles are cut changes rounding alone, however a sprite is full of holes."""
    planes = np.abs(random_planes(4, 150, 40, 3)).astype(np.float32)
    planes[3] = planes[3] > 0.98
    moved = np.pad(planes, ((0, 0), (37, 0), (0, 0)))
    model = enlarger()
    model.graph.node[0].input[0] = "averaged"
    taps = np.full((3, 1, 11, 11), 1 / 121, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(taps, "taps"))
    average = helper.make_node("Conv", ["x", "taps"], ["averaged"], group=3, pads=[5] * 4)
    model.graph.node.insert(0, average)
    how = {"method": "onnx", "model": written(model, tmp_path), "edges": "boundary"}
    for tile in (16, 128):
        whole, part = (weighted(one, tile=tile, **how) for one in (planes, moved))
        np.testing.assert_allclose(part[:, 74 + 60 :], whole[:, 60:], atol=1e-5)
