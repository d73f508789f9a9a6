"""Kernel files: .npz with a format version, .npy with bare taps; read by NumPy, never unpickled.

A .npz holds `format`, `method` (tconv or resize-conv), `stride`, `resize` (how a resize-conv
upsamples: nearest or bilinear), `taps`, and `about`, a JSON text on how the kernel was trained.
Each kernel of the package is in `learned/` twice: the .npz as trained, and its taps alone as .npy.
Enlarging reads the .npy, which needs no ZIP and JSON libraries.
"""

import io
import os
import zlib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import SettingError, UpsampleError, no_file
from upsample_cli.kernels.kernel import Kernel, Taps

FORMAT = 1
SHIPPED_STRIDES = (2, 3, 4)
SHIPPED = os.path.join(os.path.dirname(__file__), "learned")
MAX_FILE_BYTES = 1 << 26
"""The largest size of a kernel or network file, in bytes."""
_LARGEST = 512  # taps per axis, and stride: a larger array is a picture rather than a kernel
_KINDS = {"format": "iu", "method": "U", "stride": "iu", "resize": "U", "taps": "f", "about": "U"}
_METHODS = {("tconv", ""), ("resize-conv", "nearest"), ("resize-conv", "bilinear")}
# What NumPy raises for a damaged archive or array.
_READ_ERRORS = (
    OSError, ValueError, EOFError, KeyError, TypeError, SyntaxError, NotImplementedError,
    OverflowError, zlib.error,
    MemoryError,  # a header that claims a huge array
    RuntimeError,  # an archive marked as encrypted
)  # fmt: skip


class KernelFile(NamedTuple):
    """The contents of a kernel file.

    Args:
        method: `tconv` or `resize-conv`.
        stride: Output pixels per input pixel.
        taps: Those of the transposed convolution, or of the convolution after resizing: shape
            (kH, kW), or (k,) for a separable kernel with the same taps along both axes.
        resize: How a resize-conv upsamples, `nearest` or `bilinear`; empty for tconv.
        about: How it was trained, as JSON values; empty where not known.
    """

    method: str
    stride: int
    taps: Taps
    resize: str = ""
    about: Mapping[str, Any] = MappingProxyType({})

    def kernel(self, name: str) -> Kernel:
        """Return the equivalent transposed convolution, called `name`.

        Raises:
            SettingError: `Kernel` refuses the taps or the stride.
        """
        make = Kernel.outer if self.taps.ndim == 1 else Kernel
        if self.method == "tconv":
            return make(name, self.taps, self.stride)
        from upsample_cli.kernels.named import resize_conv_kernel  # not for tconv

        return resize_conv_kernel(make(name, self.taps, 1), self.resize, self.stride)

    def to_bytes(self) -> bytes:
        """Return the bytes of the .npz file; equal kernels give equal bytes."""
        import json

        file = io.BytesIO()
        about = json.dumps(dict(self.about), sort_keys=True)
        np.savez(
            file, format=FORMAT, method=self.method, stride=self.stride, resize=self.resize,
            taps=self.taps, about=about,
        )  # fmt: skip
        return file.getvalue()


@lru_cache(maxsize=32)
def shipped(method: str, name: str, stride: int) -> KernelFile:
    """Return a kernel that comes with the package; its `about` is empty.

    Args:
        method: `tconv` or `resize-conv`.
        name: Its name, such as `learned`.
        stride: One of `SHIPPED_STRIDES`.
    """
    taps = np.load(shipped_path(method, name, stride, ".npy"))
    return KernelFile(method, stride, taps, "nearest" if method == "resize-conv" else "")


def shipped_path(method: str, name: str, stride: int, suffix: str = ".npz") -> str:
    """Return the path of a kernel or network that comes with the package; see `shipped`."""
    return os.path.join(SHIPPED, f"{method}-{name}-x{stride}{suffix}")


def load(path: str, method: str | None, stride: int, resize: str = "") -> KernelFile:
    """Return the contents of a kernel file, cached until the file changes.

    Args:
        path: A .npz that `upsample train` wrote, or a .npy of taps, shape (kH, kW).
        method: The method to use it for: `tconv` or `resize-conv`; None for the file's own.
        stride: The stride for the taps of a .npy; a .npz has its own.
        resize: How the resize-conv upsamples, `nearest` or `bilinear`; empty for tconv.

    Raises:
        SettingError: The file is missing, is not a kernel, has another format version, method or
            `resize`, or its taps have a wrong shape or hold NaN.
    """
    try:
        state = os.stat(path)
    except (OSError, ValueError) as error:
        raise SettingError(no_file("kernel", path)) from error
    return _load(path, state.st_mtime_ns, state.st_size, method, stride, resize)


@lru_cache(maxsize=32)
def _load(
    path: str, modified: int, length: int, method: str | None, stride: int, resize: str
) -> KernelFile:
    """Return the contents of a kernel file; `modified` and `length` only serve as cache keys."""
    name = os.path.basename(path)
    content = read_arrays(path, MAX_FILE_BYTES)
    if isinstance(content, dict):
        file = _from_entries(name, content)
    else:
        taps = _taps(name, content)
        if taps.ndim == 1:
            raise SettingError(f"kernel '{name}' has one axis; give a matrix of taps")
        file = KernelFile(method or "tconv", stride, taps, resize)
    file.kernel(name)  # raises an error for wrong shapes or strides, and for NaN
    if method not in (None, file.method):
        raise SettingError(
            f"kernel '{name}' is for {file.method}, not {method}; pass -m {file.method}"
        )
    if method and file.resize != resize:
        raise SettingError(
            f"kernel '{name}' was trained with --resize {file.resize}, not {resize}; "
            f"pass --resize {file.resize}"
        )
    return file


def read_arrays(path: str, most: int | None = None) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Return the array of a .npy, or the arrays of a .npz by name.

    Args:
        path: The file.
        most: The most bytes that the file and its arrays may have; None for what memory allows.

    Raises:
        SettingError: The file is missing, larger than `most`, not a NumPy file, or pickled.
        PictureTooLargeError: The file needs more memory than may be taken.
    """
    import tokenize  # slow to import, and most runs read no such file
    import zipfile

    try:
        with open(path, "rb") as file:
            _check_length(path, os.fstat(file.fileno()).st_size, most)
            content = np.load(io.BytesIO(file.read()), allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        _check_length(path, sum(member.file_size for member in content.zip.infolist()), most)
        entries = {key: content[key] for key in content.files}
        # NumPy returns raw bytes for members that are not arrays.
        return {key: value for key, value in entries.items() if isinstance(value, np.ndarray)}
    except UpsampleError:
        raise
    except (*_READ_ERRORS, tokenize.TokenError, zipfile.BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            raise SettingError(no_file("kernel", path)) from error
        raise SettingError(f"{path} is not a NumPy file of numbers; give a .npz or .npy") from error


def _check_length(path: str, length: int, most: int | None) -> None:
    """Raise an error if a file, or the sum of its members, is too large."""
    if most is not None and length > most:
        raise SettingError(f"{path} holds {length} bytes, too many for a kernel; check the file")
    memory.check(2 * length, path)


def as_numbers(name: str, array: NDArray[Any]) -> NDArray[np.float64]:
    """Return kernel `name`'s array as float64, or raise a `SettingError` if it is not numeric."""
    if array.dtype.kind not in "fiub":
        raise SettingError(
            f"kernel '{name}' holds values of type {array.dtype}, not numbers; give floats"
        )
    return array.astype(np.float64)


def _from_entries(name: str, entries: dict[str, NDArray[Any]]) -> KernelFile:
    """Return the kernel that the arrays of a .npz describe, or raise a `SettingError`."""
    if str(entries.get("method")) == "network":
        raise SettingError(
            f"{name} is a network, not a kernel, and is balanced; "
            f"to enlarge by it, use -m network --weights {name}"
        )
    missing = sorted(_KINDS.keys() - entries.keys())
    if missing:
        raise SettingError(
            f"kernel '{name}' has no {', '.join(missing)}; give a kernel from `upsample train`"
        )
    for key, kinds in _KINDS.items():
        if entries[key].dtype.kind not in kinds or (entries[key].ndim > 0 and key != "taps"):
            raise SettingError(f"kernel '{name}' cannot be used: invalid {key}; train it again")
    version = int(entries["format"])
    if version != FORMAT:
        raise SettingError(f"kernel '{name}' has format {version}, not {FORMAT}; train it again")
    method, resize = str(entries["method"]), str(entries["resize"])
    if (method, resize) not in _METHODS:
        raise SettingError(f"kernel '{name}' is for '{method} {resize}'; give one for tconv")
    import json

    try:
        about = json.loads(str(entries["about"]))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise SettingError(f"kernel '{name}' has damaged metadata; train it again")
    stride, taps = int(entries["stride"]), _taps(name, entries["taps"])
    if not 1 <= stride <= _LARGEST:
        raise SettingError(f"kernel '{name}' has stride {stride}; give 1 to {_LARGEST}")
    return KernelFile(method, stride, taps, resize, about)


def _taps(name: str, array: NDArray[Any]) -> Taps:
    taps = as_numbers(name, array)
    if taps.ndim and max(taps.shape) > _LARGEST:
        size = "x".join(map(str, taps.shape))
        raise SettingError(
            f"kernel '{name}' is {size}; give at most {_LARGEST} taps along each axis"
        )
    return taps
