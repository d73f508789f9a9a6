import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from strategies import Floats

from upsample_cli.errors import SettingError
from upsample_cli.kernels import kernel_file
from upsample_cli.kernels.kernel_file import SHIPPED, KernelFile

GOOD: dict[str, Any] = {
    "format": 1,
    "method": "tconv",
    "stride": 2,
    "resize": "",
    "taps": np.ones((4, 4)),
    "about": "{}",
}


@pytest.fixture
def taps(rng: np.random.Generator) -> Floats:
    return rng.uniform(-1, 1, (5, 4))


@pytest.mark.parametrize(
    ("method", "resize"), [("tconv", ""), ("resize-conv", "nearest"), ("resize-conv", "bilinear")]
)
def test_a_kernel_file_gives_back_what_was_written(
    tmp_path: Path, taps: Floats, method: str, resize: str
) -> None:
    """Everything in a kernel file survives writing and reading."""
    path = tmp_path / "mine.npz"
    path.write_bytes(KernelFile(method, 3, taps, resize, {"noise": 2.0}).to_bytes())
    result = kernel_file.load(str(path), method, 7, resize)
    assert (result.method, result.stride, result.resize) == (method, 3, resize)
    assert result.about == {"noise": 2.0}
    np.testing.assert_array_equal(result.taps, taps)


def test_a_kernel_file_is_the_same_bytes_every_time(taps: Floats) -> None:
    """Writing the same kernel twice makes the same file."""
    assert KernelFile("tconv", 2, taps).to_bytes() == KernelFile("tconv", 2, taps).to_bytes()


def test_bare_taps_take_the_stride_asked_for(tmp_path: Path, taps: Floats) -> None:
    """A .npy holds taps alone, and serves any stride and method."""
    path = tmp_path / "taps.npy"
    np.save(path, taps.astype(np.float32))
    result = kernel_file.load(str(path), "tconv", 3)
    assert result.stride == 3
    np.testing.assert_array_equal(result.taps, taps.astype(np.float32))


def test_a_kernel_file_that_changed_is_read_again(tmp_path: Path) -> None:
    """After another training the new kernel is used, not the one that had the name before."""
    path = tmp_path / "mine.npz"
    for value in (1.0, 2.0):
        path.write_bytes(KernelFile("tconv", 2, np.full((4, 4 + int(value)), value)).to_bytes())
        result = kernel_file.load(str(path), "tconv", 2)
        np.testing.assert_array_equal(result.taps, np.full((4, 4 + int(value)), value))


def test_a_resize_conv_kernel_is_the_interpolations_convolved_with_the_taps(taps: Floats) -> None:
    """The transposed convolution behind a resize-conv file is the box, then its taps."""
    box = np.zeros((6, 5))
    for a, b in np.ndindex(2, 2):
        box[a : a + 5, b : b + 4] += taps
    kernel = KernelFile("resize-conv", 2, taps, "nearest").kernel("mine")
    np.testing.assert_allclose(kernel.taps, box)
    assert kernel.stride == 2


@pytest.mark.parametrize(
    ("entry", "value", "fault"),
    [
        ("format", 2, "has format 2, not 1"),
        ("method", "conv", "is for 'conv '"),
        ("resize", "cubic", "is for 'tconv cubic'"),
        ("stride", 0, "has stride 0"),
        ("stride", -2, "has stride -2"),
        ("stride", 2.0, "invalid stride"),
        ("stride", np.array([2, 2]), "invalid stride"),
        ("taps", np.ones((2, 2, 2)), "has shape 2x2x2"),
        ("taps", np.array(["a"]), "invalid taps"),
        ("taps", np.full((2, 2), np.nan), "NaN"),
        ("taps", np.ones((1, 513)), "is 1x513"),
        ("about", "{", "damaged metadata"),
        ("about", "[1]", "damaged metadata"),
        ("about", "[" * 100_000, "damaged metadata"),
    ],
)
def test_a_damaged_kernel_file_is_refused(
    tmp_path: Path, entry: str, value: object, fault: str
) -> None:
    """Each entry of a kernel file that cannot be is named, with a remedy."""
    path = tmp_path / "mine.npz"
    np.savez(path, **(GOOD | {entry: value}))
    with pytest.raises(SettingError, match=rf"mine.npz' .*{fault}.*; "):
        kernel_file.load(str(path), "tconv", 2)


@pytest.mark.parametrize("stride", [0, -1])
def test_a_resize_conv_kernel_without_a_stride_is_refused(tmp_path: Path, stride: int) -> None:
    """A resize-conv file whose stride cannot be is refused like any other."""
    path = tmp_path / "mine.npz"
    np.savez(path, **(GOOD | {"method": "resize-conv", "resize": "nearest", "stride": stride}))
    with pytest.raises(SettingError, match=f"has stride {stride}; "):
        kernel_file.load(str(path), "resize-conv", 2, "nearest")


@pytest.mark.parametrize("entry", sorted(GOOD))
def test_a_kernel_file_that_lacks_an_entry_is_refused(tmp_path: Path, entry: str) -> None:
    """What is missing in a kernel file is named."""
    path = tmp_path / "mine.npz"
    np.savez(path, **{key: value for key, value in GOOD.items() if key != entry})
    with pytest.raises(SettingError, match=f"'mine.npz' has no {entry}; "):
        kernel_file.load(str(path), "tconv", 2)


def unpickled(order: str) -> None:
    raise AssertionError(f"a kernel file was unpickled: {order}")


class Trap:
    """Shouts when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return unpickled, ("trap",)


def compressed_damage(path: Path) -> None:
    """Write a deflated .npz with a byte in the middle of its taps turned."""
    np.savez_compressed(path, **(GOOD | {"taps": np.random.default_rng(0).random((64, 64))}))
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("taps.npy")
    name, extra = struct.unpack("<HH", data[entry.header_offset + 26 : entry.header_offset + 30])
    first = entry.header_offset + 30 + name + extra
    data[first : first + 8] = b"\xff" * 8
    path.write_bytes(data)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text("1 2 1\n"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04" + b"\0" * 40),
        lambda path: path.write_bytes(pickle.dumps(Trap())),
        lambda path: np.save(path, np.array([[Trap()]], object), allow_pickle=True),
        lambda path: np.savez(path, **(GOOD | {"taps": np.array([[Trap()]], object)})),
        lambda path: path.mkdir(),
        compressed_damage,
    ],
    ids=["text", "empty", "no-zip", "pickle", "objects", "objects-npz", "folder", "damaged"],
)
@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_what_is_no_kernel_file_is_refused(tmp_path: Path, write: Any, suffix: str) -> None:
    """Text, nothing, a pickle, a folder or a damaged file is no kernel file; none is unpickled."""
    path = tmp_path / f"mine{suffix}"
    if write is compressed_damage and suffix == ".npy":
        write(tmp_path / "made.npz")
        (tmp_path / "made.npz").rename(path)
    else:
        write(path)
        actual = path.with_name(path.name + ".npz")
        if actual.exists():
            actual.rename(path)
        actual = path.with_name(path.name + ".npy")
        if actual.exists():
            actual.rename(path)
    with pytest.raises(SettingError, match=r"; "):
        kernel_file.load(str(path), "tconv", 2)


@pytest.mark.parametrize("length", [10**12, 10**20, "3}", "b'', 'a'"])
def test_a_head_that_promises_what_cannot_be_is_refused(tmp_path: Path, length: Any) -> None:
    """Neither memory, numbers nor words that a damaged head asks for end in a traceback."""
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({length}, 3), }}".ljust(117)
    path = tmp_path / "damaged.npy"
    path.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + f"{head}\n".encode())
    with pytest.raises(SettingError, match=r"damaged.npy is not a NumPy file of numbers; give"):
        kernel_file.load(str(path), "tconv", 2)


def test_other_files_in_an_archive_are_no_taps(tmp_path: Path) -> None:
    """A ZIP whose members only are called like a kernel's is refused."""
    path = tmp_path / "mine.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in GOOD:
            archive.writestr(name, "text")
    with pytest.raises(SettingError, match=r"has no about, format, method, resize, stride, taps"):
        kernel_file.load(str(path), "tconv", 2)


def test_a_missing_kernel_file_is_named() -> None:
    """The path of a kernel file that is not there is told."""
    with pytest.raises(SettingError, match=r"no kernel file nowhere/mine.npz; check the path"):
        kernel_file.load("nowhere/mine.npz", "tconv", 2)


@pytest.mark.parametrize("stride", kernel_file.SHIPPED_STRIDES)
@pytest.mark.parametrize("method", ["tconv", "resize-conv"])
@pytest.mark.parametrize("name", ["learned", "learned-sharp", "learned-soft"])
def test_shipped_kernels_keep_flat_and_ramps(method: str, name: str, stride: int) -> None:
    """Every kernel that comes along is centred and balanced to the last digits."""
    file = kernel_file.shipped(method, name, stride)
    whole = kernel_file.load(
        kernel_file.shipped_path(method, name, stride), method, stride, file.resize
    )
    np.testing.assert_array_equal(file.taps, whole.taps)
    assert (file.method, file.stride, file.resize) == (method, stride, whole.resize)
    kernel = file.kernel(name)
    assert kernel.stride == stride
    assert kernel.shift == (0.0, 0.0)
    np.testing.assert_allclose(kernel.phase_sums, 1.0, atol=1e-9)


@pytest.mark.parametrize("stride", kernel_file.SHIPPED_STRIDES)
def test_shipped_kernels_are_exact_on_ramps(stride: int) -> None:
    """A ramp stays a ramp, at half-pixel centres, under a learned transposed convolution."""
    kernel = kernel_file.shipped("tconv", "learned", stride).kernel("learned")
    ramp = np.zeros(40 * stride)
    ramp[::stride] = np.arange(40)
    ramp = np.convolve(ramp, kernel.taps.sum(axis=1) / stride)
    inner = np.arange(14 * stride, 26 * stride)
    actual = ramp[inner + kernel.padding[0]]
    np.testing.assert_allclose(actual, (inner + 0.5) / stride - 0.5, atol=1e-6)


def test_a_network_is_not_taken_for_a_damaged_kernel() -> None:
    """The error says what the file is, and where to give it."""
    fault = "network-photo-x2.npz is a network, not a kernel, .* use -m network --weights"
    with pytest.raises(SettingError, match=fault):
        kernel_file.load(str(Path(SHIPPED, "network-photo-x2.npz")), None, 1)
