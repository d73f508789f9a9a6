from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cuts
from textures import jpeg_of_text, natural_texture, periodic_pattern

from upsample_cli.jobs.api import measure, upsample
from upsample_cli.metrics.cells import Cells
from upsample_cli.metrics.checkerboard import CHECKERBOARD, CONTRAST_DB, NONE, Checkerboard
from upsample_cli.metrics.meter import Meter, grid, verdict_and_map
from upsample_cli.metrics.rows import Rows

SAMPLES = Path(__file__).parents[2] / "sample_images"


def metered(levels: np.ndarray, stride: int, opaque: np.ndarray | None = None) -> Checkerboard:
    meter = Meter(levels.shape, (stride, stride))
    meter.feed(Rows(levels.astype(np.float32), opaque))
    return meter.result()


def noisy(stride: int, amplitude: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 2.0, (256, 240))
    return 128 + noise + amplitude * periodic_pattern(256, 240, stride, seed)


@pytest.mark.parametrize("stride", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("degree", [0, 1, 3])
def test_smooth_pictures_have_no_ripple(stride: int, degree: int) -> None:
    """A constant, a ramp and a cubic have nothing in them."""
    y, x = np.mgrid[:200, :216] / 216
    measured = metered(40 + 80 * x**degree + 60 * y**degree, stride)
    assert measured.verdict == "none"
    assert measured.ripple == 0.0


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("amplitude", [0.5, 1.0, 4.0])
def test_ripple_is_the_patterns_amplitude(stride: int, amplitude: float) -> None:
    """The RMS of a pattern in a noisy picture is found within 5 %, and called a checkerboard."""
    measured = metered(noisy(stride, amplitude), stride)
    assert measured.ripple == pytest.approx(amplitude, rel=0.05, abs=0.03)
    assert measured.verdict == "checkerboard"
    assert measured.floor < amplitude / 4


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_ripple_grows_with_the_pattern(stride: int) -> None:
    """A stronger pattern has more ripple and more contrast."""
    measured = [metered(noisy(stride, amplitude), stride) for amplitude in (0, 0.25, 0.5, 1, 2, 4)]
    ripples = [item.ripple for item in measured]
    contrasts = [item.contrast_db for item in measured]
    assert ripples == sorted(ripples)
    assert contrasts == sorted(contrasts)
    assert ripples[0] < ripples[1] < ripples[-1]


def test_lines_of_text_in_a_jpeg_are_seldom_a_checkerboard() -> None:
    """Lines whose distance is a multiple of a stride are called so on one page in five at most."""
    pages = [
        (jpeg_of_text(size, apart, *levels), stride)
        for size in (9, 12, 13)
        for apart, stride in ((12, 4), (14, 2), (15, 3), (18, 3))
        for levels in ((247, 40), (32, 212))
    ]
    verdicts = [metered(page, stride).verdict for page, stride in pages]
    assert verdicts.count(CHECKERBOARD) <= len(pages) // 5


@pytest.mark.parametrize(("share", "strength", "status"), [
    (0.1, 40.0, "saturated"), (0.1, 1.0, "ok"), (0.5, 40.0, "ok"),
])  # fmt: skip
def test_few_cells_that_differ_much_say_nothing(share: float, strength: float, status: str) -> None:
    """Where most cells are clipped and the others differ much, there is no verdict of none."""
    rng = np.random.default_rng(0)
    phases = strength * rng.standard_normal((24, 4, 24)).astype(np.float32)
    phases -= phases.mean(axis=1, keepdims=True)
    no = np.zeros((24, 24), bool)
    usable = np.arange(576).reshape(24, 24) < share * 576
    level, slope = np.full((24, 24), 90, np.float32), np.zeros((24, 2, 24), np.float32)
    cells = Cells(phases, level, slope, usable, no, no, no)
    measured, field = verdict_and_map(cells, grid((2, 2), (200, 200)))
    assert (measured.status, measured.verdict) == (status, "" if status == "saturated" else NONE)
    assert np.isnan(field.rms).all() == (status == "saturated")
    assert field.rms.shape == usable.shape


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("axis", [0, 1])
def test_stripes_in_a_part_of_a_picture_are_found(stride: int, axis: int) -> None:
    """A pattern that repeats along one axis is found in a part of a texture: it is no text."""
    levels = 40 + 150 * natural_texture(320, 320, stride + axis)[0]
    line = np.resize(np.arange(stride) - (stride - 1) / 2, 96)
    levels[96:192, 96:192] += 6 * np.expand_dims(line, 1 - axis)
    assert metered(levels, stride).verdict == CHECKERBOARD


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("amplitude", [2.0, 8.0, 30.0])
@pytest.mark.parametrize("part", [1 / 2, 1 / 16])
def test_a_pattern_in_a_part_of_a_picture_is_measured(
    amplitude: float, part: float, stride: int
) -> None:
    """The ripple is the RMS over the whole picture, the share the part, the peak the pattern's."""
    noise = np.random.default_rng(0).normal(0, 2, (384, 384))
    levels, side = 128 + noise, int(384 * part**0.5)
    levels[48 : 48 + side, 60 : 60 + side] += amplitude * periodic_pattern(side, side, stride)
    measured = metered(levels, stride)
    assert measured.verdict == "checkerboard"
    assert measured.ripple == pytest.approx(amplitude * side / 384, rel=0.1)
    assert measured.share == pytest.approx((side / 384) ** 2, rel=0.2, abs=0.03)
    assert measured.peak == pytest.approx(amplitude, rel=0.15)


@pytest.mark.parametrize("stride", [3, 4])
def test_textures_that_repeat_are_no_part_of_a_faint_pattern(stride: int) -> None:
    """A pattern of 1 level over patches of other patterns, of 1 level each, has 1 level."""
    rng, side = np.random.default_rng(1), 480
    levels = 128 + rng.normal(0, 2, (side, side)) + periodic_pattern(side, side, stride)
    for seed, (top, left) in enumerate(rng.integers(0, side - 48, (24, 2))):
        texture = periodic_pattern(48, 48, stride, 10 + seed)
        levels[top : top + 48, left : left + 48] += texture
    measured = metered(levels, stride)
    assert measured.ripple == pytest.approx(1, rel=0.05)


def test_a_pattern_whose_sign_changes_is_a_checkerboard() -> None:
    """Where the sum over the picture cancels, its parts still show the pattern."""
    levels = noisy(2, 0.0)
    pattern = 4 * periodic_pattern(256, 240, 2)
    levels += pattern * np.where(np.arange(240) // 60 % 2, 1, -1)
    measured = metered(levels, 2)
    assert measured.verdict == "checkerboard"
    assert measured.contrast_db < CONTRAST_DB
    assert measured.ripple == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_fields_of_forty_pixels_are_large_enough(stride: int) -> None:
    """A pattern whose sign changes from field to field is measured at any short stride."""
    fields = np.add.outer(*2 * [np.arange(256) // 40]) % 2 * 2 - 1
    levels = 128 + np.random.default_rng(0).normal(0, 2, (256, 256))
    measured = metered(levels + 3 * fields * periodic_pattern(256, 256, stride), stride)
    assert measured.verdict == "checkerboard"
    assert measured.ripple == pytest.approx(2.5, rel=0.15)


@pytest.mark.parametrize("side", [5, 8, 14])
def test_black_between_shapes_does_not_hide_their_pattern(side: int) -> None:
    """A kernel's pattern leaves black as it is: small shapes on it tell, or nothing does."""
    rng = np.random.default_rng(0)
    low = np.zeros((160, 200))
    for _ in range(220):
        (y, x), (tall, wide) = rng.integers(0, (150, 190)), rng.integers(1, side, 2)
        low[y : y + tall, x : x + wide] = 200
    uneven = metered(np.kron(low, [[0.8, 1.0], [1.0, 1.2]]), 2)
    assert (uneven.verdict, uneven.status) in {("", "saturated"), (CHECKERBOARD, "ok")}
    assert (uneven.verdict == CHECKERBOARD) == (side > 5)
    assert metered(np.kron(low, np.ones((2, 2))), 2).verdict == NONE


def test_an_edge_is_no_checkerboard() -> None:
    """The cells along one straight edge are alike; that does not make a pattern of it."""
    for place in range(100, 108):
        levels = np.full((300, 320), 60.0)
        levels[:, place:] = 180
        assert metered(levels, 2).verdict == "none"
        noise = np.random.default_rng(place).normal(0, 1, levels.shape)
        assert metered(levels + noise, 2).verdict == "none"


def test_a_pattern_in_proportion_to_brightness_is_clear() -> None:
    """A pattern of 40 % is found where most of a picture is all but black."""
    levels = noisy(2, 0.0)
    levels[:] = 0.5 + levels / 1280
    levels[:64, :64] *= 250
    measured = metered(levels * (1 + 0.4 * periodic_pattern(256, 240, 2)), 2)
    assert measured.verdict == "checkerboard"
    assert measured.ripple_rel == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_no_checkerboard(stride: int, seed: int) -> None:
    """Noise without a pattern is not called one."""
    measured = metered(noisy(stride, 0.0, seed), stride)
    assert (measured.status, measured.verdict) == ("ok", "none")


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_brightness_does_not_matter(stride: int) -> None:
    """A constant added to a picture changes nothing but the relative ripple."""
    dark, bright = (metered(noisy(stride, 1.0) + level, stride) for level in (-50, 50))
    assert bright.ripple == pytest.approx(dark.ripple, rel=1e-3)
    assert bright.contrast_db == pytest.approx(dark.contrast_db, abs=0.05)
    assert bright.ripple_rel < dark.ripple_rel


@settings(max_examples=25)
@given(cuts(251), st.sampled_from([2, 3, 4, 5]), st.booleans())
def test_any_feeding_gives_the_same_figures(cut: list[range], stride: int, masked: bool) -> None:
    """The figures are the same to the last bit however the rows are fed."""
    levels = (natural_texture(251, 203, 7)[0] * 255 + periodic_pattern(251, 203, stride)).astype(
        np.float32
    )
    opaque = np.ones(levels.shape, bool) if masked else None
    if opaque is not None:
        opaque[:60, :80] = False
    expected = metered(levels, stride, opaque)
    meter = Meter(levels.shape, (stride, stride))
    for run in cut:
        rows = slice(run.start, run.stop)
        meter.feed(Rows(levels[rows], None if opaque is None else opaque[rows]))
    for _ in range(2):  # to ask changes nothing
        assert repr(meter.result()) == repr(expected)
    assert expected.status == "ok"


@pytest.mark.parametrize("stride", [8, 12, 14, 16])
def test_a_strong_pattern_is_not_none_in_a_small_picture(stride: int) -> None:
    """At a multiple of the stride there may be too few cells for a verdict; that is said then."""
    with PIL.Image.open(SAMPLES / "coffee.png") as opened:
        photo = np.asarray(opened.convert("RGB")).transpose(2, 0, 1) / 255
    for top, left in ((50, 250), (150, 200), (200, 50), (200, 200), (250, 200)):
        part = photo[:, top : top + 100, left : left + 90]
        uneven = upsample(part, "tconv", kernel="uniform", kernel_size=3)
        measured = measure(uneven.clip(0, 1), stride)
        assert (measured.verdict, measured.status) in (("checkerboard", "ok"), ("", "too-small"))


def test_a_clear_pattern_below_the_limit_is_none_in_a_small_picture() -> None:
    """Few cells leave no doubt about a pattern that is clear, and too weak to count."""
    ramp = np.add.outer(np.linspace(30, 130, 48), np.linspace(0, 100, 56))
    measured = measure((ramp + 0.12 * periodic_pattern(48, 56, 2))[None] / 255, 2)
    assert measured.contrast_db > CONTRAST_DB
    assert (measured.verdict, measured.status) == (NONE, "ok")
    assert 0.1 < measured.ripple < 0.2


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_an_unbalanced_kernel_is_caught(stride: int) -> None:
    """Kernel size stride + 1, uniform, leaves a checkerboard in natural texture."""
    texture = natural_texture(128, 120, 3)
    actual = upsample(
        texture, "tconv", kernel="uniform", kernel_size=stride + 1, scale=float(stride)
    )
    measured = measure(actual, stride)
    assert measured.verdict == "checkerboard"
    assert measured.ripple > 5


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("bilinear", {}),
        ("bicubic", {}),
        ("lanczos", {}),
        ("spline", {}),
        ("tconv", {"kernel": "learned"}),
        ("tconv", {"kernel": "gaussian"}),
        ("resize-conv", {"kernel": "learned"}),
        ("resize-conv", {"kernel": "box"}),
    ],
)
def test_balanced_methods_are_acquitted(method: str, settings: dict, stride: int) -> None:
    """No balanced method is said to leave a checkerboard in natural texture."""
    actual = upsample(natural_texture(128, 120, 3), method, scale=float(stride), **settings)
    measured = measure(np.floor(actual * 255 + 0.5) / 255, stride)
    assert (measured.status, measured.verdict) == ("ok", "none")


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_the_staircases_of_nearest_are_no_checkerboard(stride: int) -> None:
    """The steps of enlarged natural texture go with the gradient, and are told apart by that."""
    measured = measure(
        upsample(natural_texture(128, 120, 3), "nearest", scale=float(stride)), stride
    )
    assert (measured.status, measured.verdict) == ("ok", "none")


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_the_staircases_of_a_ramp_are_no_checkerboard(stride: int) -> None:
    """The steps of one even gradient, enlarged by nearest, are no checkerboard either."""
    y, x = np.mgrid[:80, :90] / 90
    ramp = (0.1 + 0.5 * x + 0.3 * y)[None]
    assert measure(upsample(ramp, "nearest", scale=float(stride)), stride).verdict == "none"


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_the_staircases_of_a_curved_gradient_are_no_checkerboard(stride: int) -> None:
    """Steps that grow with the gradient are explained by it: hardly a ripple is left."""
    y, x = np.mgrid[:160, :160] / 160
    planes = (0.08 + 0.6 * x**2 + 0.3 * y**2 + 0.02 * natural_texture(160, 160, 3)).astype(
        np.float32
    )
    measured = measure(upsample(planes, "nearest", scale=float(stride)), stride)
    assert measured.verdict == "none"
    assert measured.ripple < 0.1


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_stairs_that_go_with_the_brightness_are_explained_too(stride: int) -> None:
    """Of a ramp the bright parts, too, have its stairs: that is no pattern relative to them."""
    y, x = np.mgrid[:80, :90] / 90
    ramp = 0.3 + 0.2 * x + 0.1 * y + np.random.default_rng(0).normal(0, 0.01, x.shape)
    measured = measure(upsample(ramp[None], "nearest", scale=float(stride)), stride)
    assert not measured.is_clear
    assert measured.ripple_rel < 5e-4


def test_quiet_parts_count_more_than_loud_ones() -> None:
    """A faint pattern is found where it can be seen, however loud the other half is."""
    noise = np.random.default_rng(0).normal(0, 1, (256, 240))
    noise *= np.where(np.arange(240) < 120, 40.0, 0.5)
    measured = metered(128 + noise + 0.25 * periodic_pattern(256, 240, 2), 2)
    assert measured.ripple == pytest.approx(0.25, rel=0.05)
    assert measured.floor < 0.02


def test_a_pattern_of_another_period_is_not_reported() -> None:
    """A period of 3 is nothing to one who looks for 2, and the other way round."""
    assert metered(noisy(3, 2.0), 2).verdict == "none"
    assert metered(noisy(2, 2.0), 3).verdict == "none"


def test_the_relative_ripple_is_the_kernels_own() -> None:
    """Relative to brightness, the pattern in the picture is the kernel's exact ripple."""
    texture = natural_texture(160, 160, 5)
    actual = upsample(texture, "tconv", kernel="uniform", kernel_size=3, scale=2.0)
    assert measure(actual / 2, 2).ripple_rel == pytest.approx(0.4843, rel=0.03)


@pytest.mark.parametrize(
    ("levels", "stride", "status"),
    [
        (np.full((200, 200), 77.0), 2, "constant"),
        (noisy(2, 1.0)[:20, :20], 2, "too-small"),
        (noisy(2, 1.0)[:1, :1], 2, "too-small"),
        (np.where(noisy(2, 1.0) > 129, 255.0, noisy(2, 1.0)), 2, "saturated"),
        (noisy(2, 1.0), 1, "no-stride"),
    ],
)
def test_what_cannot_be_told_has_a_status(levels: np.ndarray, stride: int, status: str) -> None:
    """A picture in which nothing can be seen gets a word, and no claim of a checkerboard."""
    measured = metered(levels, stride)
    assert measured.status == status
    assert measured.verdict in ("", "none")
    assert np.isnan(measured.contrast_db)
    if status == "constant":
        assert (measured.ripple, measured.floor, measured.ripple_rel) == (0.0, 0.0, 0.0)


def test_hidden_colours_are_not_measured() -> None:
    """A pattern where the picture is transparent is not seen."""
    levels = noisy(2, 0.0)
    levels[:128] += 8 * periodic_pattern(128, 240, 2)
    opaque = np.ones(levels.shape, bool)
    opaque[:128] = False
    assert metered(levels, 2).verdict == "checkerboard"
    assert metered(levels, 2, opaque).verdict == "none"


def test_hidden_colours_do_not_reach_over() -> None:
    """A loud pattern beside a tile, within reach of the filter, leaves nothing in it."""
    levels = noisy(2, 0.0)
    expected = metered(levels[:, 66:], 2)
    opaque = np.ones(levels.shape, bool)
    opaque[:, :66] = False
    levels[:, :66] += 60 * periodic_pattern(256, 66, 2)
    measured = metered(levels, 2, opaque)
    assert (measured.verdict, expected.verdict) == ("none", "none")
    assert measured.floor == pytest.approx(expected.floor, rel=0.3)


@pytest.mark.parametrize("stride", [3, 4, 5])
def test_a_pattern_stands_out_the_same_on_its_side(stride: int) -> None:
    """Stripes down stand out as far as stripes across."""
    levels = 128 + np.random.default_rng(1).normal(0, 2, (400, 400))
    levels += 4 * periodic_pattern(400, stride, stride).mean(axis=1, keepdims=True)
    down, across = metered(levels, stride), metered(levels.T, stride)
    assert down.contrast_db == pytest.approx(across.contrast_db, abs=0.5)
    assert down.ripple == pytest.approx(across.ripple, rel=1e-3)


def test_a_picture_of_too_few_periods_is_too_small() -> None:
    """Four cells of two periods and the filter's reach are the least there can be."""
    levels = noisy(8, 1.0)
    assert metered(levels[:79, :79], 8).status == "too-small"
    assert metered(levels[:80, :80], 8).status == "ok"


def test_levels_far_beyond_white_tell_nothing() -> None:
    """Floating-point samples may be of any size: what is so large is saturated, without a word."""
    levels = 20 + 200 * natural_texture(300, 290, 3)[0]
    levels[40:80] *= 1e30
    measured = metered(levels, 2)
    assert (measured.status, measured.verdict) == ("ok", "none")
    assert metered(200 * natural_texture(300, 290, 3)[0] * 1e28, 2).status == "saturated"
