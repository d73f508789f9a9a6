import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enlargers import enlarger, written

from upsample_cli.images.image import Image
from upsample_cli.images.metadata import Metadata
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge.render import MeasuredStrips
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.methods.catalogue import build


@pytest.mark.parametrize(
    ("size_in", "size_out"),
    [
        ((64, 64), (256, 256)),
        ((90, 160), (90, 1280)),
        ((160, 90), (1280, 90)),
        ((96, 100), (144, 150)),
        ((1, 4000), (5, 20000)),
        ((8, 9000), (16, 18000)),
    ],
)
def test_a_network_takes_the_memory_that_is_counted(
    size_in: tuple[int, int], size_out: tuple[int, int]
) -> None:
    """Strips of any shape take no more than they count, and at least half of it."""
    samples = np.random.default_rng(0).integers(0, 256, (*size_in, 4)).astype(np.uint8)
    task = Task(build("network"), TargetSize(height=size_out[0], width=size_out[1]))
    image = Image(samples, Metadata())
    tracemalloc.start()
    with Workers(1) as workers:
        strips = MeasuredStrips(image, size_out, task, True, workers)
        assert all(strip.chunk for strip in strips)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The program's own share, which is counted elsewhere, includes what little is not here.
    assert peak < strips.memory + (8 << 20)
    assert strips.memory < 2 * peak + (8 << 20)


def sprite(kind: type = np.uint8) -> np.ndarray:
    """Return a disc of random colours, opaque or half so, on a transparent ground."""
    samples = np.random.default_rng(0).integers(0, 256, (24, 30, 4)).astype(np.float32) / 255
    down, across = np.mgrid[:24, :30]
    samples[..., 3] = (np.hypot(down - 12, across - 14) < 8) * np.where(across > 15, 1, 0.5)
    return samples if kind is np.float32 else np.round(samples * np.iinfo(kind).max).astype(kind)


def rendered(samples: np.ndarray, target: TargetSize, threads: int = 1, **how: Any) -> np.ndarray:
    """Return the samples of an enlarged picture, made strip by strip."""
    task, image = Task(build(**how), target, threads=threads), Image(samples, Metadata())
    with Workers(threads) as workers:
        strips = MeasuredStrips(image, target.size(image.size), task, False, workers)
        return np.concatenate(list(strips))


def nearest_range(opacity: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest of the pixels less than one from each output pixel."""
    low = high = np.pad(opacity, 2, mode="symmetric")
    for n, m in zip(opacity.shape, size, strict=True):  # down, then across
        places = (np.arange(m) + 0.5) * n / m - 0.5
        near = [np.flatnonzero(abs(np.arange(-2, n + 2) - at) <= 1 + 1e-9) for at in places]
        low = np.stack([low[pixels].min(axis=0) for pixels in near], axis=1)
        high = np.stack([high[pixels].max(axis=0) for pixels in near], axis=1)
    return low, high


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("scale", [2, 2.5, 4, 8])
@pytest.mark.parametrize("method", ["network", "onnx"])
def test_a_network_draws_no_ghosts_beside_a_sprite(
    tmp_path: Path, method: str, scale: float, kind: type
) -> None:
    """Opacity stays within the range of the nearest pixels: no ghosts outside, no holes inside."""
    how = {"model": written(enlarger(), tmp_path)} if method == "onnx" else {}
    samples = sprite(kind)
    out = rendered(samples, TargetSize(scale=scale), name=method, **how)
    low, high = nearest_range(samples[..., 3], out.shape[:2])
    assert (out[..., 3] >= low).all()
    assert (out[..., 3] <= high).all()


def test_a_network_takes_no_negatives_for_pictures() -> None:
    """A CMYK picture without black is enlarged as its colours are, not as its inks are."""
    colours = np.random.default_rng(0).integers(0, 256, (24, 30, 3)).astype(np.uint8)
    inks = np.dstack([255 - colours, np.zeros((24, 30), np.uint8)])
    task, results = Task(build("network"), TargetSize(2.0)), list[np.ndarray]()
    with Workers(1) as workers:
        for samples, is_cmyk in ((colours, False), (inks, True)):
            image = Image(samples, Metadata(), is_cmyk=is_cmyk)
            strips = MeasuredStrips(image, (48, 60), task, False, workers)
            results.append(np.concatenate(list(strips)).astype(int))
    assert np.abs(results[0] - (255 - results[1][..., :3])).max() <= 1  # halves are rounded up
    assert not results[1][..., 3].any()


@pytest.mark.parametrize("kind", ["opacity", "straight", "CMYK"])
def test_a_network_minds_opacity_that_weights_colours(kind: str) -> None:
    """Hidden colours are of no matter where they are weighted; elsewhere all planes count alike."""
    samples = sprite()
    image = Image(samples, Metadata(), is_cmyk=kind == "CMYK")
    task = Task(build("network"), TargetSize(scale=2), premultiplied=kind != "straight")
    changed = image._replace(samples=np.where(samples[..., 3:] == 0, 0, samples))
    with Workers(1) as workers:
        actual, other = (
            np.concatenate(list(MeasuredStrips(one, (48, 60), task, False, workers)))
            for one in (image, changed)
        )
    assert (actual == other).all() == (kind == "opacity")
    if kind != "opacity":
        shown = 255 - samples if image.is_cmyk else samples
        planes = shown.transpose(2, 0, 1).astype(np.float32) / 255
        expected = np.clip(upsample(planes, "network"), 0, 1).transpose(1, 2, 0) * 255
        expected = 255 - expected if image.is_cmyk else expected
        np.testing.assert_allclose(actual[..., :3], expected[..., :3], atol=0.6)


@pytest.mark.parametrize("threads", [1, 3])
def test_held_opacity_does_not_depend_on_the_cut(threads: int) -> None:
    """Any number of threads makes the same bytes, and a crop is a part of the whole."""
    samples = np.tile(sprite(), (8, 3, 1))
    whole = rendered(samples, TargetSize(width=270, height=576), threads, name="network")
    assert whole.tobytes() == rendered(samples, TargetSize(scale=3), name="network").tobytes()
    cover = TargetSize(width=200, height=576, fit="cover")
    part = rendered(samples, cover, threads, name="network")
    np.testing.assert_array_equal(part, whole[:, 35:235])
