"""Kernel files: .npz with a format version, .npy with bare taps; never a pickle.

A .npz holds `format`, `method` (tconv or resize-conv), `stride`, `resize` (what a resize-conv
upsamples by), `taps`, and `about`, a JSON text of how the kernel was trained.
"""

import io
import os
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple
from zipimport import zipimporter

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.kernels.arrays import numbers, read
from upsample_cli.kernels.kernel import Kernel, Taps

FORMAT = 1
_LARGEST = 512  # taps an axis: more is no kernel but a picture
SHIPPED_STRIDES = (2, 3, 4)
SHIPPED = os.path.join(os.path.dirname(__file__), "learned")
_ENTRIES = {"format": "iu", "method": "U", "stride": "iu", "resize": "U", "taps": "f", "about": "U"}


class KernelFile(NamedTuple):
    """What a kernel file holds.

    Args:
        method: `tconv` or `resize-conv`.
        stride: Output pixels per input pixel.
        taps: Of the transposed convolution, or of the convolution after resizing: shape (kH, kW),
            or (k,) for a separable kernel, the same along both axes.
        resize: What a resize-conv upsamples by, `nearest` or `bilinear`; empty for tconv.
        about: How it was trained: plain numbers and words.
    """

    method: str
    stride: int
    taps: Taps
    resize: str = ""
    about: Mapping[str, Any] = MappingProxyType({})

    def kernel(self, name: str) -> Kernel:
        """Return the transposed convolution that this kernel amounts to.

        Args:
            name: What to call it.

        Raises:
            SettingError: The taps or the stride are none.
        """
        stride = self.stride if self.method == "tconv" else 1
        if self.taps.ndim == 1:
            kernel = Kernel.outer(name, self.taps, self.taps, stride)
        else:
            kernel = Kernel(name, self.taps, stride)
        if self.method == "tconv":
            return kernel
        from upsample_cli.kernels.named import resized  # a transposed convolution needs none

        return resized(kernel, self.resize, self.stride)

    def to_bytes(self) -> bytes:
        """Return the bytes of the .npz file; the same for the same kernel."""
        import json

        file = io.BytesIO()
        about = json.dumps(dict(self.about), sort_keys=True)
        np.savez(
            file, format=FORMAT, method=self.method, stride=self.stride, resize=self.resize,
            taps=self.taps, about=about,
        )  # fmt: skip
        return file.getvalue()


def load(path: str, method: str | None, stride: int, resize: str = "") -> KernelFile:
    """Return what is in a kernel file; it is read again only when it has changed.

    Args:
        path: A .npz that `upsample train` wrote, or a .npy of taps, shape (kH, kW).
        method: The method it is to serve: `tconv` or `resize-conv`; None for whichever it is for.
        stride: The stride to use the taps of a .npy with; a .npz brings its own.
        resize: What the resize-conv upsamples by.

    Raises:
        SettingError: No such file, no kernel, another format version or method, wrong shape, NaN.
    """
    try:
        state = os.stat(path)
    except (OSError, ValueError) as error:
        raise SettingError(f"no kernel file {path}; check the path") from error
    return _loaded(path, state.st_mtime_ns, state.st_size, method, stride, resize)


@lru_cache(maxsize=32)
def _loaded(
    path: str, changed: int, length: int, method: str | None, stride: int, resize: str
) -> KernelFile:
    name = os.path.basename(path)
    found = read(path)
    if not isinstance(found, dict):
        taps = _taps(name, found)
        if taps.ndim == 1:
            raise SettingError(f"kernel '{name}' has shape {len(taps)}; give a matrix of taps")
        file = KernelFile(method or "tconv", stride, taps, resize)
    else:
        file = _stored(name, found)
    file.kernel(name)  # refuses shapes, strides and NaN
    if method is None:
        return file
    if file.method != method:
        raise SettingError(
            f"kernel '{name}' is for {file.method}, not {method}; pass -m {file.method}"
        )
    if file.resize != resize:
        raise SettingError(
            f"kernel '{name}' was trained with --resize {file.resize}, not {resize}; "
            f"pass --resize {file.resize}"
        )
    return file


@lru_cache(maxsize=32)
def shipped(method: str, name: str, stride: int) -> KernelFile:
    """Return a learned kernel that comes with the package, without how it was trained.

    Args:
        method: `tconv` or `resize-conv`.
        name: Its word, such as `learned`.
        stride: One of `SHIPPED_STRIDES`.
    """
    # Most runs wait for this: of an archive that is known to be whole Python's own importer hands
    # out one array, long before zipfile and json have loaded.
    archive = zipimporter(shipped_path(method, name, stride))
    taps = np.load(io.BytesIO(archive.get_data("taps.npy")), allow_pickle=False)
    return KernelFile(method, stride, taps, "nearest" if method == "resize-conv" else "")


def shipped_path(method: str, name: str, stride: int) -> str:
    """Return where a kernel that comes with the package lies; see `shipped`."""
    return os.path.join(SHIPPED, f"{method}-{name}-x{stride}.npz")


def _stored(name: str, entries: dict[str, NDArray[Any]]) -> KernelFile:
    missing = sorted(_ENTRIES.keys() - entries.keys())
    if missing:
        raise SettingError(
            f"kernel '{name}' lacks {', '.join(missing)}; give a file of `upsample train`"
        )
    for key, kinds in _ENTRIES.items():
        if entries[key].dtype.kind not in kinds or (entries[key].ndim > 0 and key != "taps"):
            raise SettingError(f"kernel '{name}' has an odd {key}; give a file of `upsample train`")
    version = int(entries["format"])
    if version != FORMAT:
        raise SettingError(f"kernel '{name}' has format {version}, not {FORMAT}; train it again")
    method, resize = str(entries["method"]), str(entries["resize"])
    if (method, resize) not in {
        ("tconv", ""),
        ("resize-conv", "nearest"),
        ("resize-conv", "bilinear"),
    }:
        raise SettingError(f"kernel '{name}' is for '{method} {resize}'; give one for tconv")
    import json

    try:
        about = json.loads(str(entries["about"]))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise SettingError(f"kernel '{name}' has an odd about; train it again")
    stride, taps = int(entries["stride"]), _taps(name, entries["taps"])
    if not 1 <= stride <= _LARGEST:
        raise SettingError(f"kernel '{name}' has stride {stride}; give 1 to {_LARGEST}")
    return KernelFile(method, stride, taps, resize, about)


def _taps(name: str, taps: NDArray[Any]) -> Taps:
    taps = numbers(name, taps)
    if taps.ndim and max(taps.shape) > _LARGEST:
        size = "x".join(map(str, taps.shape))
        raise SettingError(f"kernel '{name}' is {size}; give at most {_LARGEST} taps an axis")
    return taps
