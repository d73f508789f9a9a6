from pathlib import Path
from typing import Any

import numpy as np
import pytest

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import parse
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge import feature_maps
from upsample_cli.jobs.enlarge.strips import BOUNDARIES
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.methods.catalogue import METHODS, build


def enlarge_file(
    array: Any,
    folder: Path,
    method: str = "bicubic",
    scale: float = 2,
    layout: str | None = None,
    **settings: Any,
) -> Any:
    """Save an array as a file, enlarge the file, and return the array in the output."""
    np.save(folder / "in.npy", array)
    task = Task(build(method), TargetSize(scale=scale), force=True, **settings)
    feature_maps.enlarge(parse(folder / "in.npy"), parse(folder / "out.npy"), task, layout)
    return np.load(folder / "out.npy")


@pytest.mark.parametrize("method", [method.name for method in METHODS if method.is_linear])
@pytest.mark.parametrize("kind", ["<f2", ">f4", "<f8"])
def test_files_and_the_python_api_give_the_same_floats(
    tmp_path: Path, method: str, kind: str
) -> None:
    """Every method computes the same values and keeps the type, beyond 0..1 too."""
    x = np.random.default_rng(0).normal(0, 100, (3, 8, 9)).astype(kind)
    actual = enlarge_file(x, tmp_path, method)
    assert actual.dtype == x.dtype
    work_type = np.float64 if kind == "<f8" else np.float32
    expected = upsample(x.astype(work_type), method)
    np.testing.assert_array_equal(actual, expected.astype(kind))


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.int64])
def test_integers_are_rounded_half_up_and_clipped(tmp_path: Path, kind: Any) -> None:
    """Integers stay within the range of their type, and halves are rounded up."""
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    if kind is np.int64:
        low, high = -(2**53), 2**53
    x = np.full((10, 10), low, kind)
    x[:, 5:] = high
    actual = enlarge_file(x, tmp_path, "lanczos")
    assert actual.dtype == x.dtype
    exact = np.floor(upsample(x[None].astype(np.float64), "lanczos")[0] + 0.5)
    limits = np.iinfo(kind)
    above, below = exact > limits.max, exact < limits.min
    assert kind is np.int64 or above.any()
    assert (actual[above] == limits.max).all()
    assert (actual[below] == limits.min).all()
    inside = ~(above | below)
    np.testing.assert_allclose(actual[inside], exact[inside], rtol=1e-15, atol=1)
    rounded = enlarge_file(np.array([[0, 2], [0, 2]], kind), tmp_path, "bilinear")
    assert rounded[0].tolist() == [0, 1, 2, 2]  # 0, 0.5, 1.5, 2


@pytest.mark.parametrize("kind", ["<u8", ">i8", "<u4", "<f8", ">f2", np.longdouble])
@pytest.mark.parametrize("settings", [{}, {"backend": "scipy"}])
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("is_cropped", [False, True])
def test_nearest_copies_every_bit(
    tmp_path: Path, kind: Any, settings: Any, boundary: str, is_cropped: bool
) -> None:
    """Numbers of 60 bits and the bits of a NaN are those of the input, whole or cropped."""
    dtype = np.dtype(kind)
    x = np.random.default_rng(0).integers(0, 256, (3, 5, 6 * dtype.itemsize), np.uint8).view(dtype)
    np.save(tmp_path / "in.npy", x)
    target = TargetSize.parsed("8x10", "cover") if is_cropped else TargetSize(scale=2)
    task = Task(build("nearest", **settings), target, boundary=boundary)
    feature_maps.enlarge(parse(tmp_path / "in.npy"), parse(tmp_path / "out.npy"), task, None)
    expected = x.repeat(2, axis=1).repeat(2, axis=2)
    expected = expected[:, :, 2:-2] if is_cropped else expected
    assert np.load(tmp_path / "out.npy").tobytes() == expected.tobytes()


@pytest.mark.parametrize("layout", feature_maps.LAYOUTS)
@pytest.mark.parametrize("scale", [1.5, 3])
def test_every_layout_gives_the_same_planes(tmp_path: Path, layout: str, scale: float) -> None:
    """The output has the layout of the input, and the same planes in every layout."""
    x = np.random.default_rng(0).random((2, 3, 6, 4))
    array = {"hw": x[0, 0], "chw": x[0], "hwc": np.moveaxis(x[0], 0, 2), "nchw": x}[layout]
    actual = enlarge_file(array, tmp_path, scale=scale, layout=layout)
    expected = upsample(x.reshape(6, 6, 4), "bicubic", scale=scale)
    planes = np.moveaxis(actual, 2, 0) if layout == "hwc" else actual
    planes = planes.reshape(-1, *expected.shape[1:])
    # Matrix products may round the last bit differently when the number of planes differs.
    np.testing.assert_allclose(planes, expected[: len(planes)], rtol=0, atol=1e-15)
    if layout in ("hw", "chw", "nchw"):
        np.testing.assert_array_equal(enlarge_file(array, tmp_path, scale=scale), actual)


def test_an_archive_keeps_its_names_and_types(tmp_path: Path) -> None:
    """Every array of a .npz is enlarged and keeps its name and type."""
    np.savez(tmp_path / "in.npz", a=np.ones((2, 2)), b=np.ones((3, 4, 4), np.float16))
    task = Task(build("nearest"), TargetSize(scale=2))
    report = feature_maps.enlarge(
        parse(tmp_path / "in.npz"), parse(tmp_path / "out.npz"), task, None
    )
    assert report.shapes == {"a": (4, 4), "b": (3, 8, 8)}
    with np.load(tmp_path / "out.npz") as arrays:
        assert {name: arrays[name].dtype.str for name in arrays} == {"a": "<f8", "b": "<f2"}
    with pytest.raises(ImageFileError, match="holds one array, not 2; write a"):
        feature_maps.enlarge(parse(tmp_path / "in.npz"), parse(tmp_path / "out.npy"), task, None)


@pytest.mark.parametrize(
    ("shape", "layout", "count"),
    [((10, 12, 3), None, 1), ((10, 12, 3), "hwc", 0), ((10, 12, 3), "chw", 0),
     ((64, 4, 4), None, 0), ((3, 10, 12), None, 0), ((10, 12), None, 0)],
)  # fmt: skip
def test_an_array_that_looks_like_a_picture_is_noted(
    tmp_path: Path, shape: tuple[int, ...], layout: str | None, count: int
) -> None:
    """A note suggests --layout hwc for an array that looks like rows, columns and colours."""
    np.save(tmp_path / "in.npy", np.zeros(shape))
    task = Task(build("bicubic"), TargetSize(scale=2))
    report = feature_maps.enlarge(
        parse(tmp_path / "in.npy"), parse(tmp_path / "o.npy"), task, layout
    )
    assert len(report.notes) == count
    assert all("10 maps of 12x3; pass --layout hwc" in note for note in report.notes)


def test_the_ripple_of_the_kernel_is_reported(tmp_path: Path) -> None:
    """The report contains the kernel's exact ripple; interpolations have none."""
    np.save(tmp_path / "in.npy", np.ones((4, 4)))
    for method, expected in (
        (build("tconv", kernel="uniform", kernel_size=3), pytest.approx(0.4843, abs=5e-5)),
        (build("bicubic"), None),
    ):
        task = Task(method, TargetSize(scale=2), force=True)
        report = feature_maps.enlarge(
            parse(tmp_path / "in.npy"), parse(tmp_path / "o.npy"), task, None
        )
        assert report.kernel_ripple == expected


def test_the_ripple_is_that_of_the_scale(tmp_path: Path) -> None:
    """At a scale that is not whole it is that of an enlarged flat map."""
    np.save(tmp_path / "in.npy", np.ones((10, 10)))
    task = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(scale=1.5))
    report = feature_maps.enlarge(parse(tmp_path / "in.npy"), parse(tmp_path / "o.npy"), task, None)
    out = np.load(tmp_path / "o.npy")
    assert report.kernel_ripple == pytest.approx(out.std() / out.mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("array", "settings", "error", "fault"),
    [
        (
            np.zeros((3, 3), complex),
            {},
            ImageFileError,
            "holds values of type complex128, not real numbers",
        ),
        (np.zeros((3, 3), bool), {}, ImageFileError, "holds values of type bool, not real numbers"),
        (np.array(["a"]), {}, ImageFileError, "holds values of type <U1"),
        (np.float64(1), {}, ImageFileError, "has 0 axes, but 2, 3 or 4 are needed; reshape"),
        (np.zeros((3, 3)), {"layout": "chw"}, ImageFileError, "has 2 axes, but --layout chw has 3"),
        (np.zeros((0, 3)), {}, ImageFileError, r"is empty \(shape \(0, 3\)\)"),
        (np.full((2, 2), 2**60), {}, ImageFileError, "values beyond 9007199254740992 cannot be"),
        (np.zeros((2, 2)), {"scale": 0.5}, SettingError, "would shrink"),
    ],
)
def test_wrong_arrays_are_refused(
    tmp_path: Path, array: Any, settings: Any, error: Any, fault: str
) -> None:
    """An array that is not a real feature map is refused, and nothing is written."""
    with pytest.raises(error, match=fault):
        enlarge_file(array, tmp_path, **settings)
    assert not (tmp_path / "out.npy").exists()
