"""Networks in ONNX as a method: tiles, halos, forms, opacity."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enlargers import enlarger, written
from strategies import random_planes

from upsample_cli.errors import SettingError
from upsample_cli.jobs.api import upsample
from upsample_cli.methods.catalogue import build


def by_network(planes: Any, path: str, scale: float = 2, **settings: Any) -> Any:
    return upsample(planes.astype(np.float32), "onnx", scale=scale, model=path, **settings)


@pytest.mark.parametrize("form", [
    {}, {"layout": "NHWC"}, {"size": (20, 28)}, {"border": 6}, {"multiple": 8},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("size", [(1, 1), (7, 60), (45, 38)], ids=str)
def test_tiles_meet_without_a_seam(
    form: dict[str, Any], size: tuple[int, int], tmp_path: Path
) -> None:
    """A bilinear network gives what the bilinear kernel gives, edges and all, in any tiles."""
    planes = random_planes(3, *size, 0).astype(np.float32)
    expected = upsample(planes, "tconv", kernel="bilinear")
    path = written(enlarger(**form), tmp_path)
    for tile in (0, 13):
        np.testing.assert_allclose(by_network(planes, path, tile=tile), expected, atol=2e-6)


def test_a_halo_too_small_shows(tmp_path: Path) -> None:
    """--halo overrules what was found out: with none, tiles no longer meet."""
    planes = random_planes(3, 40, 40, 0)
    path = written(enlarger(), tmp_path)
    expected = by_network(planes, path, tile=10)
    seams = np.abs(by_network(planes, path, tile=10, halo=0) - expected).max(0)[5]
    assert seams[19] > 0.01
    assert seams[10] < 1e-6


def test_opacity_is_by_the_learned_kernel(tmp_path: Path) -> None:
    """The network sees the colours, grey ones too; the opacity is interpolated."""
    path = written(enlarger(), tmp_path)
    for colours in (1, 3):
        planes = random_planes(colours + 1, 12, 15, 3)
        actual = by_network(planes, path)
        np.testing.assert_allclose(
            actual[:-1], upsample(planes, "tconv", kernel="bilinear")[:-1], atol=2e-6
        )
        np.testing.assert_allclose(actual[-1], upsample(planes, "tconv")[-1], atol=2e-6)


def test_a_network_of_luma_leaves_the_colours_to_the_kernel(tmp_path: Path) -> None:
    """The luma is the network's; the differences of the colours are the learned kernel's."""
    path = written(enlarger(channels=1), tmp_path)
    planes = random_planes(3, 12, 15, 3)
    weights = np.array([0.299, 0.587, 0.114])
    actual, learned = by_network(planes, path), upsample(planes, "tconv")
    expected = upsample(np.tensordot(weights, planes, 1)[None], "tconv", kernel="bilinear")[0]
    np.testing.assert_allclose(np.tensordot(weights, actual, 1), expected, atol=2e-6)
    np.testing.assert_allclose(actual[0] - actual[1], learned[0] - learned[1], atol=2e-6)


@pytest.mark.parametrize("scale", [1.5, 3, 4])
def test_other_scales_are_passes_and_a_reduction(scale: float, tmp_path: Path) -> None:
    """4 is two passes; 1.5 and 3 are reduced from the next size that passes reach."""
    path = written(enlarger(), tmp_path)
    planes = random_planes(3, 16, 20, 1).astype(np.float32)
    actual = by_network(planes, path, scale)
    assert actual.shape == (3, int(16 * scale), int(20 * scale))
    if scale == 4:
        twice = by_network(by_network(planes, path), path)
        np.testing.assert_allclose(actual[:, 8:-8, 8:-8], twice[:, 8:-8, 8:-8], atol=2e-6)


def test_the_ensemble_is_the_mean_of_eight(tmp_path: Path) -> None:
    """It is the mean of what comes of the picture turned and mirrored, each undone."""
    model = enlarger()
    taps = np.frombuffer(model.graph.initializer[0].raw_data, np.float32).copy()
    taps[::3] *= 1.5  # no longer symmetric
    model.graph.initializer[0].raw_data = taps.tobytes()
    path = written(model, tmp_path)
    planes = random_planes(3, 20, 27, 2).astype(np.float32)
    one = []
    for turns in range(4):
        for step in (1, -1):
            seen = np.rot90(planes, turns, (1, 2))[..., ::step]
            back = by_network(np.ascontiguousarray(seen), path)[..., ::step]
            one.append(np.rot90(back, -turns, (1, 2)))
    np.testing.assert_allclose(by_network(planes, path, ensemble=True), np.mean(one, 0), atol=2e-6)
    assert np.abs(one[0] - np.mean(one, 0)).max() > 0.01


def test_its_own_scale_and_ripple_are_known(tmp_path: Path) -> None:
    """They are found out by running it."""
    method = build("onnx", model=written(enlarger(), tmp_path))
    assert (method.own_scale, method.notes()) == (2.0, ())
    assert method.flat_ripple < 1e-6
    assert method.facts()["model"]["layout"] == "NCHW"
    whole = build("onnx", model=written(enlarger(is_global=True), tmp_path, "whole.onnx"))
    assert "sees the whole picture" in whole.notes()[0]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "pass --model FILE.onnx"),
        ({"model": "a.pth"}, r"--model a\.pth is no \.onnx file"),
        ({"model": "a.onnx", "tile": -1}, "--tile -1 is out of range"),
        ({"model": "a.onnx", "model_range": "2"}, "no model range '2'"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], fault: str) -> None:
    """Before any file is read."""
    with pytest.raises(SettingError, match=fault):
        build("onnx", **settings)
