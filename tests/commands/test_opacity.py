from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome
from textures import natural

Call = Callable[..., Outcome]
UNEVEN = ("--kernel", "uniform", "--kernel-size", 3)


@pytest.fixture(params=[np.uint8, np.uint16])
def soft(folder: Path, request: pytest.FixtureRequest) -> str:
    """Return the name of a white picture, of 8 or 16 bits, with a smooth opacity between."""
    opacity = 40 + 60 * natural(90, 100, 0, 1)[0]
    planes = np.stack([np.full_like(opacity, 255)] * 3 + [opacity], axis=2) / 255
    if request.param == np.uint8:
        PIL.Image.fromarray(np.round(planes * 255).astype(np.uint8)).save(folder / "soft.png")
    else:
        import cv2

        cv2.imwrite(str(folder / "soft.png"), np.round(planes * 65535).astype(np.uint16))
    return "soft.png"


def test_a_checkerboard_in_the_opacity_is_found(call: Call, soft: str) -> None:
    """A white shape with an uneven soft edge is seen on any ground, though no colour tells it."""
    outcome = call(soft, "out.png", *UNEVEN, "--max-ripple", 1)
    assert outcome.code == 4
    assert b"checkerboard found (" in outcome.out
    assert "note: soft.png: the checkerboard is in the opacity\n" in outcome.err
    row = call("measure", "out.png").out.decode().splitlines()[1].split()
    assert row[:3] == ["out.png", "2", "found"]
    assert row[-2] == "opacity"
    assert row[3] == row[-1]


def test_an_even_opacity_is_none(call: Call, soft: str) -> None:
    """The learned kernel keeps it even, and a figure is told, not that the picture is constant."""
    outcome = call(soft, "out.png")
    assert (outcome.code, outcome.err) == (0, "")
    assert b"checkerboard none (0.00 levels, floor " in outcome.out


def test_frames_of_an_animation_tell_theirs(call: Call, folder: Path) -> None:
    """The worst frame is told, also where that is by its opacity."""
    frames = []
    for seed in range(2):
        opacity = np.full((90, 100), 128) if seed == 0 else 40 + 60 * natural(90, 100, 0, 1)[0]
        planes = np.stack([np.full_like(opacity, 255)] * 3 + [opacity], axis=2)
        frames.append(PIL.Image.fromarray(np.round(planes).astype(np.uint8)))
    frames[0].save(folder / "in.apng", "PNG", save_all=True, append_images=frames[1:], duration=50)
    outcome = call("in.apng", "out.png", *UNEVEN)
    assert b"checkerboard found (" in outcome.out
    assert "note: in.apng: the checkerboard is in the opacity\n" in outcome.err


@pytest.mark.parametrize("stride", ["2", "auto"])
def test_the_map_and_the_spectrum_are_of_the_opacity(
    call: Call, soft: str, folder: Path, stride: str
) -> None:
    """Figures show the plane that is the worst."""
    call(soft, "out.png", *UNEVEN)
    words = ["--stride", stride, "--map", "map.png", "--spectrum", "spectrum.png"]
    outcome = call("measure", "out.png", *words)
    assert (outcome.code, outcome.err) == (0, "")
    drawn = [np.asarray(PIL.Image.open(folder / name)) for name in ("map.png", "spectrum.png")]
    flat = PIL.Image.new("LA", (200, 180), (255, 128))
    flat.save("flat.png")
    call("measure", "flat.png", *words, "--force")
    for name, figure in zip(("map.png", "spectrum.png"), drawn, strict=True):
        assert not np.array_equal(figure, np.asarray(PIL.Image.open(folder / name)))
    levels = drawn[0].astype(int)
    assert (levels.max(axis=2) - levels.min(axis=2)).mean() > 20  # in colour: there is heat
