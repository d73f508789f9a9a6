from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import planes, random_planes

from upsample_cli.errors import SettingError
from upsample_cli.jobs.api import upsample
from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, KernelFile, shipped
from upsample_cli.kernels.named import smoothing
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.convolution import KernelMethod, ResizeConvolution, TransposedConvolution
from upsample_cli.metrics.ripple import ripple


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic", "lanczos"])
@settings(max_examples=30)
@given(planes(), st.integers(1, 5))
def test_an_interpolants_kernel_is_that_interpolation(
    kernel: str, x: np.ndarray, scale: int
) -> None:
    """At a whole scale the transposed convolution with an interpolant's kernel interpolates."""
    expected = upsample(x, kernel, scale=float(scale))
    actual = upsample(x, "tconv", kernel=kernel, scale=float(scale))
    np.testing.assert_allclose(actual, expected, atol=1e-12)


@settings(max_examples=30)
@given(planes(most=6), st.integers(1, 4), st.integers(1, 9), st.sampled_from(["uniform", "random"]))
def test_tconv_is_scatter_add_of_the_extended_picture(
    x: np.ndarray, scale: int, size: int, kernel: str
) -> None:
    """The method is the definition of a transposed convolution on the symmetric extension."""
    actual = upsample(x, "tconv", kernel=kernel, kernel_size=size, scale=float(scale))
    result = build("tconv", kernel=kernel, kernel_size=size).equivalent(scale)
    reach = size + 1
    extended = np.pad(x, ((0, 0), (reach, reach), (reach, reach)), mode="symmetric")
    tall, wide = (n * scale for n in extended.shape[1:])
    crop = slice(reach * scale, -reach * scale)
    expected = [
        reference.transposed_convolution(plane, result.taps, scale, result.padding, (tall, wide))[
            crop, crop
        ]
        for plane in extended
    ]
    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_random_kernels_follow_their_seed() -> None:
    """The same seed gives the same kernel, another seed another."""
    x = random_planes(1, 6, 6, 0)
    first, again, other = (
        upsample(x, "tconv", kernel="random", seed=seed).tobytes() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_scales_beyond_the_shipped_strides_compose() -> None:
    """Scale 8 with a learned kernel is scale 4, then scale 2, away from the border."""
    x = random_planes(1, 24, 24, 2)
    twice = upsample(upsample(x, "tconv", kernel="learned", scale=4.0), "tconv", scale=2.0)
    actual = upsample(x, "tconv", kernel="learned", scale=8.0)
    np.testing.assert_allclose(actual[:, 80:-80, 80:-80], twice[:, 80:-80, 80:-80], atol=1e-9)


def test_scales_between_strides_are_reduced_from_the_next(rng: np.random.Generator) -> None:
    """Scale 1.5 is scale 2, then Pillow's antialiased cubic, away from the border."""
    x = rng.random((1, 24, 24))
    double = upsample(x, "tconv", kernel="bilinear", scale=2.0)[0]
    expected = reference.resize_by_pillow(double, (36, 36), PIL.Image.Resampling.BICUBIC)
    actual = upsample(x, "tconv", kernel="bilinear", scale=1.5)[0]
    np.testing.assert_allclose(actual[4:-4, 4:-4], expected[4:-4, 4:-4], atol=2e-6)


def test_a_kernel_file_is_used_as_often_as_the_scale_takes(tmp_path: Path) -> None:
    """A file of stride 2 serves scale 4 by two steps, and scale 3 by these and a reduction."""
    path = str(tmp_path / "mine.npz")
    taps = np.outer([1.0, 3, 3, 1], [1.0, 3, 3, 1]) / 16
    Path(path).write_bytes(KernelFile("tconv", 2, taps).to_bytes())
    x = random_planes(1, 8, 8, 3)
    actual = upsample(x, "tconv", kernel=path, scale=4.0)
    expected = upsample(x, "tconv", kernel="bilinear", scale=2.0)
    np.testing.assert_allclose(upsample(x, "tconv", kernel=path, scale=2.0), expected)
    assert actual.shape == (1, 32, 32)
    reduced = reference.resize_by_pillow(actual[0], (24, 24), PIL.Image.Resampling.BICUBIC)
    whole = upsample(x, "tconv", kernel=path, scale=3.0)[0]
    np.testing.assert_allclose(whole[4:-4, 4:-4], reduced[4:-4, 4:-4], atol=2e-6)


@pytest.mark.parametrize("name", ["MINE.NPZ", "Mine.Npy"])
def test_kernel_files_in_capitals(tmp_path: Path, name: str) -> None:
    """Suffixes in capitals, as some systems write them, name kernel files too."""
    taps, path = np.full((2, 2), 0.5), tmp_path / name
    with path.open("wb") as file:
        if name.endswith("Z"):
            file.write(KernelFile("tconv", 2, taps).to_bytes())
        else:
            np.save(file, taps)
    x = random_planes(1, 4, 4, 3)
    np.testing.assert_allclose(upsample(x, kernel=path), upsample(x, "nearest") / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"kernel": "unifrom"}, "no kernel 'unifrom'; did you mean 'uniform'?"),
        ({"kernel": "uniform", "kernel_size": 0}, "--kernel-size 0 is out of range; give 1 to 64"),
        ({"kernel": "learned", "kernel_size": 3}, "--kernel-size is for uniform, random"),
        (
            {"kernel": "uniform", "seed": 3},
            "--seed is for --kernel random, not uniform; leave it out",
        ),
        ({"kernel": "random", "seed": -1}, "--seed -1 is out of range"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], fault: str) -> None:
    """A wrong setting is refused when the method is built, before any work."""
    with pytest.raises(SettingError) as caught:
        build("tconv", **settings)
    assert fault in str(caught.value)


@pytest.mark.parametrize("kernel", ["box", "gaussian", "sharpen"])
@settings(max_examples=40)
@given(planes(), st.integers(1, 4), st.sampled_from([None, 1, 3, 5]))
def test_resize_conv_is_kron_then_convolve(
    kernel: str, x: np.ndarray, scale: int, size: int | None
) -> None:
    """The method is the picture repeated in squares, then convolved on the output grid."""
    taps = smoothing(kernel, scale, size).taps
    expected = [reference.resize_convolution(plane, taps, scale) for plane in x]
    actual = upsample(x, "resize-conv", kernel=kernel, kernel_size=size, scale=float(scale))
    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
def test_learned_resize_conv_is_kron_then_convolve(stride: int, rng: np.random.Generator) -> None:
    """The shipped kernels, too, are applied on the output grid."""
    taps = shipped("resize-conv", "learned", stride).taps
    taps = np.outer(taps, taps) if taps.ndim == 1 else taps
    x = rng.random((1, 12, 9))
    expected = reference.resize_convolution(x[0], taps, stride)
    actual = upsample(x, "resize-conv", kernel="learned", scale=float(stride))[0]
    np.testing.assert_allclose(actual, expected, atol=1e-9)


@settings(max_examples=40)
@given(planes(), st.integers(1, 4))
def test_bilinear_resize_is_bilinear_then_convolve(x: np.ndarray, scale: int) -> None:
    """With --resize bilinear the convolution follows a bilinear interpolation."""
    import scipy

    taps = smoothing("sharpen", scale, 3).taps
    smooth = upsample(x, "bilinear", scale=float(scale))
    expected = [scipy.ndimage.convolve(plane, taps, mode="reflect") for plane in smooth]
    actual = upsample(
        x, "resize-conv", resize="bilinear", kernel="sharpen", kernel_size=3, scale=float(scale)
    )
    np.testing.assert_allclose(actual, expected, atol=1e-12)


@given(st.integers(1, 6), st.sampled_from([1, 3, 5, 7, 9]))
def test_resize_conv_has_no_ripple(scale: int, size: int) -> None:
    """With nearest every phase sum is the same, whatever the taps."""
    kernel = build("resize-conv", kernel="sharpen", kernel_size=size).equivalent(scale)
    assert ripple(kernel.phase_sums) < 1e-12


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"kernel": "bux"}, "no kernel 'bux'; did you mean 'box'?"),
        ({"resize": "linear"}, "invalid --resize 'linear'; choose nearest, bilinear"),
        ({"kernel": "box", "kernel_size": 4}, "--kernel-size 4 is even"),
        ({"kernel": "learned", "kernel_size": 3}, "--kernel-size is for box, gaussian, sharpen"),
        ({"resize": "bilinear"}, "was learned with --resize nearest, not bilinear; choose"),
    ],
)
def test_wrong_settings_of_resize_conv_are_refused(settings: dict[str, object], fault: str) -> None:
    """A wrong setting is refused when the method is built, before any work."""
    with pytest.raises(SettingError) as caught:
        build("resize-conv", **settings)
    assert fault in str(caught.value)


@pytest.mark.parametrize("method", [TransposedConvolution, ResizeConvolution])
def test_help_names_every_kernel_whose_size_can_be_set(method: type[KernelMethod]) -> None:
    """The help of --kernel-size, which both methods share, names the kernels of both."""
    (size,) = (item for item in method.parameters() if item.name == "kernel_size")
    for name in (*TransposedConvolution.sized, *ResizeConvolution.sized):
        assert name in size.help
