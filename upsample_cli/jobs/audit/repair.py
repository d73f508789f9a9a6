"""Repairs: the nearest balanced taps of a file, and how far they are from it."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.jobs.audit import kernel_figures, layer_figures
from upsample_cli.jobs.audit.audit import PICKLES, Audit
from upsample_cli.jobs.audit.taps import TapsFile, read_taps
from upsample_cli.jobs.audit.weights import transposed
from upsample_cli.kernels.balance import balanced
from upsample_cli.kernels.kernel_file import KernelFile
from upsample_cli.metrics.ripple import VISIBLE
from upsample_cli.planes import Size


@dataclass(frozen=True, slots=True, eq=False)
class Repair:
    """What became of taps.

    Args:
        before: Their figures.
        after: The figures of what is written, its rounding included.
        moved: How far they moved, over their size (Frobenius norms).
        data: The bytes of the new file.
        notes: What else to know of it, each in a few words.
    """

    before: Audit
    after: Audit
    moved: float
    data: bytes
    notes: tuple[str, ...] = ()


def repair(path: str, output: str, stride: Size | None, ramp: bool) -> Repair:
    """Return the nearest balanced taps, in least squares, and how far they moved.

    Taps that are the same along both axes are mended along an axis, and stay so.

    Args:
        path: A .npz or .npy of a kernel, or a .npy of a transposed convolution's weights.
        output: A .npz for a kernel, or a .npy; what is written, not yet where.
        stride: Of a .npy, down and across, or the same along every axis.
        ramp: Whether ramps are to stay ramps too.

    Raises:
        SettingError: The taps cannot be read or mended, or the output cannot hold them.
    """
    if Path(path).suffix.lower() in (".onnx", ".safetensors", *PICKLES):
        raise SettingError(f"{path} is a network; save a layer's weights as a .npy and give that")
    source = read_taps(path, stride)
    suffix = Path(output).suffix.lower()
    _check(source, output, suffix)
    mended = balanced(source.taps, source.strides, ramp)
    about = {**source.about, "repaired": "ramp" if ramp else "flat"}
    if suffix == ".npz":
        data = KernelFile("tconv", source.stride[0], mended, "", about).to_bytes()
    else:
        # Weights are wanted back as they were; whole numbers cannot hold what is mended.
        kind = source.kind if source.kind.kind == "f" else np.dtype(np.float64)
        with np.errstate(over="ignore"):  # which is refused
            mended = mended.astype(kind)
        if not np.isfinite(mended).all():
            raise SettingError(
                f"mended taps of {source.name} are too large for {kind}; give taps of float32"
            )
        file = io.BytesIO()
        np.save(file, mended if mended.ndim > 1 else np.outer(mended, mended))
        data = file.getvalue()
    size = float(np.linalg.norm(_whole(source.taps)))
    change = float(np.linalg.norm(_whole(mended.astype(np.float64)) - _whole(source.taps)))
    after = _audited(source, mended.astype(np.float64))
    return Repair(
        _audited(source, source.taps), after, change / size if size else 0.0, data,
        tuple(_notes(source, output, mended.dtype, after)),
    )  # fmt: skip


def _notes(source: TapsFile, output: str, kind: np.dtype[Any], after: Audit) -> Iterator[str]:
    if source.resized:
        yield f"{output} is for tconv; it does what {source.name} does by resize-conv"
    if after.ripple >= VISIBLE:
        yield f"{kind} is too coarse for even taps, a ripple of {after.ripple:.4f} is left"


def _check(source: TapsFile, output: str, suffix: str) -> None:
    if suffix not in (".npz", ".npy"):
        raise SettingError(f"{output} is no kernel file; name it .npz or .npy")
    if suffix == ".npz" and source.kernel is None:
        raise SettingError(f"{source.name} holds a layer's weights; name the output .npy")
    if suffix == ".npz" and source.stride[0] != source.stride[1]:
        size = "x".join(map(str, source.stride))
        raise SettingError(f"a .npz has one stride, not {size}; name the output .npy")


def _whole(taps: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.outer(taps, taps) if taps.ndim == 1 else taps


def _audited(source: TapsFile, taps: NDArray[np.float64]) -> Audit:
    if source.kernel is not None:
        return Audit(kernel_figures.figures(_whole(taps), source.stride))
    return Audit(
        layers=(layer_figures.figures(transposed(source.name, taps, source.strides, None)),)
    )
