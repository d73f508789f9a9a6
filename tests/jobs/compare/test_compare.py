from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from textures import natural_texture

from upsample_cli import measure, upsample
from upsample_cli.images.places.place import parse_file
from upsample_cli.jobs.compare.compare import Comparison, compare, kernel_of
from upsample_cli.jobs.compare.figures_table import figures
from upsample_cli.jobs.compare.subject import Options, methods_of
from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.method import Method
from upsample_cli.metrics.fidelity import psnr, ssim

COFFEE = Path(__file__).parents[3] / "sample_images" / "coffee.png"
UNIFORM = "tconv:kernel=uniform:kernel_size=3"


def compared(path: Path, methods: str, **options: object) -> Comparison:
    """Return a comparison of methods on a picture."""
    return compare(parse_file(path), methods_of(methods), Options(**options))


def test_the_figures_are_those_of_the_python_interface(tmp_path: Path) -> None:
    """PSNR, SSIM and ripple agree with upsample() and measure() on the rounded picture."""
    rng = np.random.default_rng(3)
    low = rng.integers(40, 200, (40, 48), np.uint8).repeat(4, 0).repeat(4, 1)
    truth = rng.integers(0, 256, (320, 384), np.uint8)
    PIL.Image.fromarray(low).save(tmp_path / "low.png")
    PIL.Image.fromarray(truth).save(tmp_path / "truth.png")
    comparison = compared(
        tmp_path / "low.png", f"bicubic,{UNIFORM}", reference=parse_file(tmp_path / "truth.png")
    )
    for scores, settings in zip(
        comparison.scores, [("bicubic", {}), ("tconv", {"kernel": "uniform", "kernel_size": 3})],
        strict=True,
    ):  # fmt: skip
        planes = upsample((low[None] / 255).astype(np.float32), settings[0], **settings[1])
        levels = np.floor(np.clip(planes, 0, 1) * 255 + 0.5)
        assert scores.psnr == pytest.approx(psnr(levels[0], truth.astype(float)), abs=1e-3)
        assert scores.ssim == pytest.approx(ssim(levels[0], truth.astype(float)), abs=1e-4)
        expected = measure((levels / 255).astype(np.float32), 2)
        assert scores.checkerboard.verdict == expected.verdict
        assert scores.checkerboard.ripple == pytest.approx(expected.ripple, abs=1e-2)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_order_is_that_of_the_list(threads: int) -> None:
    """Results stand in the order of the list, however many threads work."""
    comparison = compared(COFFEE, f"{UNIFORM},nearest,tconv", threads=threads)
    assert [one.label for one in comparison.scores] == [
        "tconv uniform 3",
        "nearest",
        "tconv learned",
    ]
    verdicts = [one.checkerboard.verdict for one in comparison.scores]
    assert verdicts == ["checkerboard", "none", "none"]


@pytest.mark.parametrize(
    "method",
    [build("nearest"), build("bilinear"), build("bicubic"), build("lanczos"), build("spline"),
     build("spline", order=5), build("tconv"), build("resize-conv")],
    ids=lambda method: f"{method.name} {getattr(method, 'order', '')}",
)  # fmt: skip
@pytest.mark.parametrize("stride", [2, 3])
def test_the_kernel_is_what_a_method_does(method: Method, stride: int) -> None:
    """A transposed convolution with the kernel is the method, away from the edges."""
    kernel = kernel_of(method, stride)
    assert kernel is not None
    planes = np.random.default_rng(1).random((1, 80, 80))
    settings = {
        parameter.name: getattr(method, parameter.name) for parameter in method.parameters()
    }
    expected = upsample(planes, method.name, scale=stride, **settings)
    out = enlarge(planes, [kernel.stage()], expected.shape[1:])
    edge = 26 * stride
    middle = (..., slice(edge, -edge), slice(edge, -edge))
    np.testing.assert_allclose(out[middle], expected[middle], atol=2e-6)


def test_a_network_has_no_kernel() -> None:
    """What is not linear has none."""
    assert kernel_of(build("network"), 2) is None
    assert kernel_of(build("tconv", antiring=0.5), 2) is None


def test_a_network_in_onnx_is_compared_like_any_method(tmp_path: Path) -> None:
    """One that enlarges bilinearly differs from bilinear by rounding, and tells its flat ripple."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from enlargers import enlarger

    onnx.save(enlarger(), str(tmp_path / "net.onnx"))
    comparison = compared(
        COFFEE, f"bilinear,onnx:edges=boundary:model={tmp_path / 'net.onnx'}", shrink=True
    )
    linear, network = comparison.scores
    assert network.psnr == pytest.approx(linear.psnr, abs=0.05)
    assert (network.kernel, network.flat_ripple) == (None, pytest.approx(0, abs=1e-6))
    assert np.median(comparison.differences) < 0.5


def test_transparent_pixels_count_as_black(tmp_path: Path) -> None:
    """Colours that nobody sees make no picture differ from its truth."""
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 256, (64, 64, 3), np.uint8).repeat(2, 0).repeat(2, 1)
    alpha = np.zeros((128, 128, 1), np.uint8)
    alpha[32:96, 32:96] = 255
    hidden = np.where(alpha > 0, seen, 255 - seen)
    PIL.Image.fromarray(np.dstack([seen, alpha])[::2, ::2]).save(tmp_path / "low.png")
    PIL.Image.fromarray(np.dstack([hidden, alpha])).save(tmp_path / "truth.png")
    reference = parse_file(tmp_path / "truth.png")
    (scores,) = compared(tmp_path / "low.png", "nearest", reference=reference).scores
    assert scores.psnr == float("inf")


def test_a_checkerboard_of_the_opacity_counts(tmp_path: Path) -> None:
    """The verdict, ripple and heat are of what has more of it, as in `upsample IN OUT`."""
    samples = np.full((96, 96, 4), 90, np.uint8)
    samples[..., 3] = 60 + 140 * natural_texture(96, 96)[0]
    PIL.Image.fromarray(samples).save(tmp_path / "soft.png")
    comparison = compared(tmp_path / "soft.png", f"bicubic,{UNIFORM}")
    even, uneven = (one.checkerboard for one in comparison.scores)
    assert (even.verdict, uneven.verdict) == ("none", "checkerboard")
    assert uneven.ripple > 10
    assert np.nanmin(comparison.drawn[1].field.rms) > 10


@pytest.mark.parametrize("scale", [1.5, 2, 2.5])
def test_the_flat_ripple_is_that_of_this_scale(tmp_path: Path, scale: float) -> None:
    """It is what an enlarged flat picture has, also where a reduction takes a part off."""
    PIL.Image.new("L", (40, 40), 100).save(tmp_path / "flat.png")
    (scores,) = compared(tmp_path / "flat.png", "tconv:kernel=uniform:kernel_size=5",
                         scale=scale).scores  # fmt: skip
    flat = upsample(np.ones((1, 40, 40)), "tconv", scale=scale, kernel="uniform", kernel_size=5)
    assert scores.flat_ripple == pytest.approx(flat.std() / flat.mean(), rel=1e-5)
    assert figures(scores)["flat_ripple"] == scores.flat_ripple


def test_the_flat_ripple_of_antiringing_is_known() -> None:
    """A method that is held back has no single kernel, but a flat ripple."""
    scores = compared(COFFEE, "lanczos:antiring=1,tconv:antiring=0.5").scores
    assert [one.kernel for one in scores] == [None, None]
    assert [one.flat_ripple for one in scores] == pytest.approx([0, 0], abs=1e-6)


def test_differences_are_where_methods_differ(tmp_path: Path) -> None:
    """Only blocks with detail differ, and one method that is off everywhere changes nothing."""
    flat = np.full((64, 128), 100, np.uint8)
    flat[16:32, 64:96] = np.random.default_rng(2).integers(0, 256, (16, 32))
    PIL.Image.fromarray(flat).save(tmp_path / "spot.png")
    blocks = compared(
        tmp_path / "spot.png", f"nearest,bicubic,{UNIFORM},lanczos,tconv,spline"
    ).differences
    assert blocks.shape == (8, 16)
    assert blocks[2:4, 8:12].min() > 5
    assert blocks[6:].max() == blocks[:, :6].max() == 0
