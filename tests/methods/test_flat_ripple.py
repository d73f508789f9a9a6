from pathlib import Path

import numpy as np
import pytest

from upsample_cli.jobs.enlarge.arrays import enlarge
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.flat_ripple import flat_ripple
from upsample_cli.methods.method import Method


def enlarged(method: Method, size: tuple[int, int], size_out: tuple[int, int]) -> float:
    """Return the RMS of the pattern over the mean, in a flat picture that a method enlarges."""
    out = enlarge(np.ones((1, *size)), method.stages(size, size_out), size_out)
    return float(out.std() / out.mean())


@pytest.mark.parametrize("size_out", [(40, 60), (30, 45), (50, 75), (66, 99), (41, 61), (60, 60)])
@pytest.mark.parametrize("kind", ["uniform", "random", "file"])
def test_it_is_that_of_an_enlarged_flat_picture(
    kind: str, size_out: tuple[int, int], tmp_path: Path
) -> None:
    """At whole scales and others, and where a picture is stretched, it is what comes out."""
    taps = np.random.default_rng(5).random((5, 4))  # not separable
    np.save(tmp_path / "own.npy", taps)
    size = 5 if kind != "file" else None
    kernel = str(tmp_path / "own.npy") if kind == "file" else kind
    method = build("tconv", kernel=kernel, kernel_size=size)
    expected = enlarged(method, (20, 30), size_out)
    assert expected > 0.01
    assert flat_ripple(method, (20, 30), size_out) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("antiring", [0.3, 1])
@pytest.mark.parametrize("size_out", [(40, 60), (33, 50)])
def test_antiring_takes_off_its_share(
    antiring: float, size_out: tuple[int, int], tmp_path: Path
) -> None:
    """It holds a flat picture to itself; with 1 nothing is left of an uneven kernel's pattern."""
    taps = np.outer([-0.2, 0.6, 1, 0.8], [-0.2, 0.6, 1, 0.8])
    np.save(tmp_path / "own.npy", taps)
    method = build("tconv", kernel=str(tmp_path / "own.npy"), antiring=antiring)
    expected = enlarged(method, (20, 30), size_out)
    assert (expected < 1e-9) == (antiring == 1)
    assert flat_ripple(method, (20, 30), size_out) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("scale", [1, 1.5, 2, 3.3, 6])
@pytest.mark.parametrize("name", ["nearest", "lanczos", "tconv", "resize-conv", "network"])
def test_an_even_method_has_none(name: str, scale: float) -> None:
    """Flat pictures stay flat, at any scale."""
    size = round(20 * scale), round(30 * scale)
    assert flat_ripple(build(name), (20, 30), size) == pytest.approx(0, abs=1e-6)


def test_a_kernel_without_brightness_has_an_infinite_one(tmp_path: Path) -> None:
    """Where the mean is 0, any pattern is infinitely strong; nothing is divided by 0."""
    np.save(tmp_path / "own.npy", np.array([[1.0, -1.0], [-1.0, 1.0]]))
    method = build("tconv", kernel=str(tmp_path / "own.npy"))
    assert flat_ripple(method, (20, 20), (40, 40)) == float("inf")
    assert flat_ripple(method, (20, 20), (30, 30)) > 1e6


def test_that_of_a_network_is_known_at_its_own_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At other scales an uneven network's is not known, an even one's is about 0."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import enlargers

    for is_even in (True, False):
        onnx.save(enlargers.enlarger(), str(tmp_path / f"{is_even}.onnx"))
        method = build("onnx", model=str(tmp_path / f"{is_even}.onnx"))
        for size_out in ((40, 60), (30, 45)):
            result = flat_ripple(method, (20, 30), size_out)
            if is_even:
                assert result == pytest.approx(0, abs=1e-6)
            else:
                assert result > 0.1 if size_out == (40, 60) else np.isnan(result)
        taps = np.array([0.6, 0.7, 0.7, 0.2])
        monkeypatch.setattr(enlargers, "_TAPS", np.outer(taps, taps))
