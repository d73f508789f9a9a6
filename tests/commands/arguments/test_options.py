"""Options of `upsample` that change the picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, imported_modules
from textures import texture_samples

Call = Callable[..., Outcome]


def samples(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as opened:
        return np.asarray(opened).astype(int)


@pytest.mark.parametrize(
    ("base", "option"),
    [
        ([], ["--linear"]),
        ([], ["--boundary", "zero"]),
        ([], ["--boundary", "nearest"]),
        ([], ["-k", "learned-soft"]),
        (["-k", "random"], ["--seed", 3]),
        (["-k", "uniform"], ["--kernel-size", 5]),
        (["-m", "spline"], ["--order", 0]),
        (["-m", "resize-conv"], ["--kernel", "box"]),
        (["-m", "resize-conv", "--kernel", "box"], ["--resize", "bilinear"]),
    ],
)
def test_an_option_changes_the_picture(
    call: Call, folder: Path, base: list[object], option: list[object]
) -> None:
    """The output differs from that of the same command without the option, not in size."""
    assert call("in.png", "plain.png", *base).code == 0
    assert call("in.png", "out.png", *base, *option).code == 0
    plain, changed = samples(folder / "plain.png"), samples(folder / "out.png")
    assert plain.shape == changed.shape
    assert np.abs(plain - changed).max() > 2


@pytest.mark.parametrize(
    "options", [["-m", "nearest"], ["-m", "bilinear", "-s", "1.5"], ["-m", "spline", "--order", 5]]
)
def test_both_backends_give_the_same_picture(
    call: Call, folder: Path, options: list[object]
) -> None:
    """The backends fast and scipy differ by one level of rounding at most."""
    assert call("in.png", "fast.png", *options).code == 0
    assert call("in.png", "scipy.png", *options, "--backend", "scipy").code == 0
    difference = np.abs(samples(folder / "fast.png") - samples(folder / "scipy.png"))
    assert difference.max() <= 1
    assert difference.mean() < 0.01


def test_the_scipy_backend_runs_scipy(call: Call, folder: Path) -> None:
    """Only --backend scipy loads scipy.ndimage."""
    arguments = ("in.png", "out.png", "--force", "-m", "bilinear")
    assert "scipy.ndimage" not in imported_modules(*arguments, folder=folder)
    assert "scipy.ndimage" in imported_modules(*arguments, "--backend", "scipy", folder=folder)


def test_a_zero_boundary_darkens_only_the_edge(call: Call, folder: Path) -> None:
    """The value beyond the edge changes pixels at the edge and none in the middle."""
    PIL.Image.new("L", (40, 40), 200).save(folder / "flat.png")
    for boundary in ("symmetric", "nearest", "zero"):
        outcome = call("flat.png", f"{boundary}.png", "-m", "bilinear", "--boundary", boundary)
        assert outcome.code == 0
    np.testing.assert_array_equal(samples(folder / "symmetric.png"), 200)
    np.testing.assert_array_equal(samples(folder / "nearest.png"), 200)
    dark = samples(folder / "zero.png")
    np.testing.assert_array_equal(dark[0, 1:-1], 150)  # three quarters of 200
    np.testing.assert_array_equal(dark[1:-1, 1:-1], 200)


def test_straight_alpha_lets_hidden_colours_bleed(call: Call, folder: Path) -> None:
    """Colours of transparent pixels spread with straight alpha, not with premultiplied alpha."""
    picture = np.full((8, 8, 4), (0, 255, 0, 0), np.uint8)
    picture[3:5, 3:5] = (255, 0, 0, 255)
    PIL.Image.fromarray(picture).save(folder / "clear.png")
    greens = []
    for alpha in ("premultiplied", "straight"):
        assert call("clear.png", f"{alpha}.png", "--alpha", alpha).code == 0
        result = samples(folder / f"{alpha}.png")
        greens.append(result[result[..., 3] > 0][:, 1].max())
    assert greens[0] == 0
    assert greens[1] > 50


def test_strip_keeps_only_the_profile(call: Call, folder: Path) -> None:
    """--strip drops dpi and keeps the colour profile."""
    PIL.Image.fromarray(texture_samples(8, 8, 3)).save(
        folder / "in-dpi.png", dpi=(300, 300), icc_profile=b"profile"
    )
    assert call("in-dpi.png", "kept.png").code == 0
    assert call("in-dpi.png", "bare.png", "--strip").code == 0
    with (
        PIL.Image.open(folder / "kept.png") as kept,
        PIL.Image.open(folder / "bare.png") as stripped,
    ):
        assert "dpi" in kept.info
        assert "dpi" not in stripped.info
        assert kept.info["icc_profile"] == stripped.info["icc_profile"] == b"profile"


@pytest.mark.parametrize(
    ("target", "options", "format"),
    [
        ("out.webp", [], "WEBP"),
        ("out", ["--format", "tiff"], "TIFF"),
        ("out", [], "PNG"),
        ("out", ["--format", "jpg"], "JPEG"),
        ("out", ["--format", "tif"], "TIFF"),
    ],
)
def test_the_format_follows_suffix_or_option(
    call: Call, folder: Path, target: str, options: list[str], format: str
) -> None:
    """The output's suffix decides the format, else --format, else the input's format."""
    assert call("in.png", target, *options).code == 0
    with PIL.Image.open(folder / target) as opened:
        assert opened.format == format
