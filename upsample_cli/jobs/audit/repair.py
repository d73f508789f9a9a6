"""The repair of kernels and networks: the nearest balanced taps, and how far they moved."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.jobs.audit.audit import PICKLES, Audit, audit, of_taps
from upsample_cli.jobs.audit.taps import TapsFile, read_taps
from upsample_cli.jobs.audit.weights import FileOptions
from upsample_cli.kernels.kernel_file import KernelFile
from upsample_cli.kernels.phases import balanced
from upsample_cli.metrics.ripple import VISIBLE
from upsample_cli.planes import Size


@dataclass(frozen=True, slots=True, eq=False)
class Repair:
    """The result of a repair: the new file, and audits before and after.

    Args:
        before: The audit of the original taps.
        after: The audit of the new taps, rounded as they are written.
        moved: Frobenius norm of the change of the taps, divided by that of the taps; of a network,
            the largest of its layers.
        data: The bytes of the new file.
        notes: What a user may not expect of the new file, each in a few words.
        layers: `moved` of each layer of a network, by name; empty for other files.
    """

    before: Audit
    after: Audit
    moved: float
    data: bytes
    notes: tuple[str, ...] = ()
    layers: dict[str, float] = field(default_factory=dict)


def repair(
    path: str, output: str, stride: Size | None, ramp: bool, layer: str | None = None
) -> Repair:
    """Return the nearest balanced taps, in least squares, and how far they moved.

    A separable kernel is repaired along one axis, and stays separable.

    Args:
        path: A .npz or .npy of a kernel, a .npy of a transposed convolution's weights, or a .onnx.
        output: The file that the caller will write; its suffix sets the format: .npz or .npy for a
            kernel, .npy for weights, .onnx for a network.
        stride: The stride of a .npy, down and across; equal numbers hold for any number of axes.
        ramp: Whether to keep ramps exact, too.
        layer: A glob of the names of a .onnx's layers to repair; None for all.

    Raises:
        SettingError: The taps cannot be read or balanced, or the output cannot hold them.
        NetworkFileError: A network cannot be read.
    """
    ending = Path(path).suffix.lower()
    if ending == ".onnx":
        if stride is not None:
            raise SettingError(f"--stride is not for {path}, whose layers have one; leave it out")
        return _repaired_network(path, output, layer, ramp)
    if layer is not None:
        raise SettingError("--layer is for networks in .onnx; leave it out")
    if ending in (".safetensors", *PICKLES):
        raise SettingError(f"{path} is a network; export it as .onnx, or give weights as a .npy")
    options = FileOptions(stride)
    source = read_taps(path, stride)
    suffix = Path(output).suffix.lower()
    _check(source, output, suffix)
    new_taps = balanced(source.taps, source.strides, ramp)
    if suffix == ".npz":
        about = {**source.about, "repaired": "ramp" if ramp else "flat"}
        data = KernelFile("tconv", source.stride[0], new_taps, "", about).to_bytes()
    else:
        # The number type is kept, except for whole numbers, which cannot hold balanced taps.
        kind = source.kind if source.kind.kind == "f" else np.dtype(np.float64)
        with np.errstate(over="ignore"):  # infinite taps are refused below
            new_taps = new_taps.astype(kind)
        if not np.isfinite(new_taps).all():
            raise SettingError(
                f"the repaired taps of {source.name} are too large for {kind}; give float32 taps"
            )
        buffer = io.BytesIO()
        np.save(buffer, np.outer(new_taps, new_taps) if new_taps.ndim == 1 else new_taps)
        data = buffer.getvalue()
    result = replace(source, taps=new_taps.astype(np.float64))
    size, change = (
        float(np.linalg.norm(taps)) for taps in (source.whole, result.whole - source.whole)
    )
    before, after = (of_taps(file, options) for file in (source, result))
    notes = tuple(_notes(source, output, new_taps.dtype, after))
    return Repair(before, after, change / size if size else 0.0, data, notes)


def _repaired_network(path: str, output: str, layer: str | None, ramp: bool) -> Repair:
    """Return a network whose layers are balanced, with audits of the original and of the copy."""
    if Path(output).suffix.lower() != ".onnx":
        raise SettingError(f"{output} cannot hold a network; name the output .onnx")
    before = audit(path, FileOptions())  # first, as it reports a missing library
    from upsample_cli.networks.balanced_model import balanced_model
    from upsample_cli.networks.upsampling_layer import TCONV

    if ramp and all(figures.kind != TCONV for figures in before.layers):
        raise SettingError(
            f"--ramp is for transposed convolutions, of which {path} has none; leave it out"
        )
    # Layers may share a name: it is even only if all of them are.
    not_even = {figures.name for figures in before.layers if figures.verdict != "none"}
    even = set() if ramp else {figures.name for figures in before.layers} - not_even
    model = balanced_model(path, layer, partial(balanced, ramp=ramp), even)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "balanced.onnx"
        copy.write_bytes(model.data)
        after = audit(str(copy), FileOptions())
    notes = [f"{name} is left as it is: {reason}" for name, reason in model.unchanged.items()]
    was_uneven = any(figures.verdict == "checkerboard" for figures in before.layers)
    moved = max(model.moved.values())
    if moved and was_uneven and before.output and before.output.verdict == "none":
        notes.append(
            f"{path} as a whole has no checkerboard, since its layers cancel each other; the copy "
            "may be worse, so keep the original"
        )
    if moved:
        notes.append(
            "the network's output has changed and was not checked; compare it, or train it further"
        )
    return Repair(before, after, moved, model.data, tuple(notes), model.moved)


def _notes(source: TapsFile, output: str, kind: np.dtype[Any], after: Audit) -> Iterator[str]:
    if source.resized:
        yield f"use {output} with -m tconv; {source.name} was for -m resize-conv"
    if after.ripple >= VISIBLE:
        yield f"{kind} is too coarse for exact taps, so a ripple of {after.ripple:.4f} is left"


def _check(source: TapsFile, output: str, suffix: str) -> None:
    if suffix not in (".npz", ".npy"):
        raise SettingError(f"{output} cannot hold a kernel; name the output .npz or .npy")
    if suffix == ".npz" and not source.is_kernel:
        raise SettingError(f"{source.name} holds a layer's weights; name the output .npy")
    if suffix == ".npz" and source.stride[0] != source.stride[1]:
        size = "x".join(map(str, source.stride))
        raise SettingError(f"a .npz has one stride, not {size}; name the output .npy")
