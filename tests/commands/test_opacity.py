from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome
from textures import natural_texture

Call = Callable[..., Outcome]
UNBALANCED = ("--kernel", "uniform", "--kernel-size", 3)


@pytest.fixture(params=[np.uint8, np.uint16])
def soft_picture(folder: Path, request: pytest.FixtureRequest) -> str:
    """Return the name of a white picture, of 8 or 16 bits, with a smoothly varying opacity."""
    opacity = 40 + 60 * natural_texture(90, 100, 0, 1)[0]
    planes = np.stack([np.full_like(opacity, 255)] * 3 + [opacity], axis=2) / 255
    if request.param == np.uint8:
        PIL.Image.fromarray(np.round(planes * 255).astype(np.uint8)).save(folder / "soft.png")
    else:
        import cv2

        cv2.imwrite(str(folder / "soft.png"), np.round(planes * 65535).astype(np.uint16))
    return "soft.png"


def test_a_checkerboard_in_the_opacity_is_detected(call: Call, soft_picture: str) -> None:
    """The pattern is visible on any background, although the colours are flat."""
    outcome = call(soft_picture, "out.png", *UNBALANCED, "--max-ripple", 1)
    assert outcome.code == 4
    assert b"checkerboard found (" in outcome.out
    assert "note: soft.png: the checkerboard is in the opacity\n" in outcome.err
    row = call("measure", "out.png").out.decode().splitlines()[1].split()
    assert row[:3] == ["out.png", "2", "found"]
    assert row[-2] == "opacity"
    assert row[3] == row[-1]


def disc(folder: Path) -> str:
    """Return the name of a textured disc, cut out by an opacity of 0 or 255 alone."""
    down, across = np.mgrid[:90, :100]
    colours = 80 + 90 * natural_texture(90, 100, 3, 1)
    is_inside = np.hypot(down - 45, across - 50) < 38
    samples = np.concatenate([np.moveaxis(colours, 0, 2), 255 * is_inside[..., None]], axis=2)
    PIL.Image.fromarray(np.round(samples.clip(0, 255)).astype(np.uint8)).save(folder / "disc.png")
    return "disc.png"


@pytest.mark.parametrize(("side", "scale"), [(3, 2), (5, 2), (4, 3), (5, 4), (6, 4)])
def test_a_checkerboard_inside_a_hard_cut_out_is_detected(
    call: Call, folder: Path, side: int, scale: int
) -> None:
    """Opacities of 255 are no clipping that hides a pattern, in the output and when it is read."""
    options = ("-s", scale, "--kernel", "uniform", "--kernel-size", side, "--max-ripple", 1)
    outcome = call(disc(folder), "out.png", *options)
    assert outcome.code == 4
    assert "note: disc.png: the checkerboard is in the opacity\n" in outcome.err
    assert call("measure", "out.png", "--max-ripple", 1).code == 4


@pytest.mark.parametrize(("side", "scale"), [(3, 2), (5, 2), (4, 3)])
def test_a_checkerboard_inside_a_hard_cut_out_is_repaired(
    call: Call, folder: Path, side: int, scale: int
) -> None:
    """The opacity of a cut-out is even after its repair."""
    call(disc(folder), "out.png", "-s", scale, "--kernel", "uniform", "--kernel-size", side)
    assert b"repaired: none (" in call("repair", "out.png", "-o", "clean.png").out


@pytest.mark.parametrize(
    "method", ["nearest", "bilinear", "bicubic", "lanczos", "tconv", "network"]
)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_hard_cut_out_has_no_checkerboard_of_its_own(
    call: Call, folder: Path, method: str, scale: int
) -> None:
    """The steps at its edge are no pattern, however it is enlarged."""
    outcome = call(disc(folder), "out.webp", "-m", method, "-s", scale, "--max-ripple", 0.5)
    assert outcome.code == 0
    assert b"checkerboard none (" in outcome.out


def test_a_balanced_kernel_gives_no_pattern_in_the_opacity(call: Call, soft_picture: str) -> None:
    """The report has a ripple of 0, and does not call the picture constant."""
    outcome = call(soft_picture, "out.png")
    assert (outcome.code, outcome.err) == (0, "")
    assert b"checkerboard none (0.00 levels, floor " in outcome.out


def test_the_opacity_of_animation_frames_is_measured(call: Call, folder: Path) -> None:
    """The worst frame is reported, also when its pattern is in the opacity."""
    frames = []
    for seed in range(2):
        texture = natural_texture(90, 100, 0, 1)[0]
        opacity = np.full((90, 100), 128) if seed == 0 else 40 + 60 * texture
        planes = np.stack([np.full_like(opacity, 255)] * 3 + [opacity], axis=2)
        frames.append(PIL.Image.fromarray(np.round(planes).astype(np.uint8)))
    frames[0].save(folder / "in.apng", "PNG", save_all=True, append_images=frames[1:], duration=50)
    outcome = call("in.apng", "out.png", *UNBALANCED)
    assert b"checkerboard found (" in outcome.out
    assert "note: in.apng: the checkerboard is in the opacity\n" in outcome.err


@pytest.mark.parametrize("stride", ["2", "auto"])
def test_map_and_spectrum_show_the_opacity(
    call: Call, soft_picture: str, folder: Path, stride: str
) -> None:
    """The figures show the worst plane, here the opacity."""
    call(soft_picture, "out.png", *UNBALANCED)
    options = ["--stride", stride, "--map", "map.png", "--spectrum", "spectrum.png"]
    outcome = call("measure", "out.png", *options)
    assert (outcome.code, outcome.err) == (0, "")
    figures = [np.asarray(PIL.Image.open(folder / name)) for name in ("map.png", "spectrum.png")]
    flat = PIL.Image.new("LA", (200, 180), (255, 128))
    flat.save("flat.png")
    call("measure", "flat.png", *options, "--force")
    for name, figure in zip(("map.png", "spectrum.png"), figures, strict=True):
        assert not np.array_equal(figure, np.asarray(PIL.Image.open(folder / name)))
    samples = figures[0].astype(int)
    assert (samples.max(axis=2) - samples.min(axis=2)).mean() > 20  # the map has coloured areas
