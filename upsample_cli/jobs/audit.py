"""What an audit finds in a file: a kernel, or the upsampling layers of a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.jobs import kernel_figures, layer_figures, taps
from upsample_cli.jobs.kernel_figures import KernelFigures
from upsample_cli.jobs.layer_figures import LayerFigures
from upsample_cli.networks.layer import SUB_PIXEL, TCONV, Layer, sub_pixel, transposed

KINDS = (TCONV, SUB_PIXEL)
_PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")
_LARGEST = 512  # of a stride or padding


@dataclass(frozen=True, slots=True)
class Question:
    """What to know of files that do not say it themselves.

    Args:
        stride: Output pixels per input pixel, down and across; None if not given.
        padding: Output pixels cropped before the first, down and across; None for the default.
        layer: Pattern of the tensors' names in a file of weights; None if not given.
        kind: What weights without a graph are of: `tconv` or `sub-pixel`.
    """

    stride: tuple[int, int] | None = None
    padding: tuple[int, int] | None = None
    layer: str | None = None
    kind: str = TCONV

    def __post_init__(self) -> None:
        """Refuse strides and paddings that cannot be."""
        for name, pair, least in (("stride", self.stride, 1), ("padding", self.padding, 0)):
            if pair and not all(least <= each <= _LARGEST for each in pair):
                size = "x".join(map(str, pair))
                raise SettingError(f"--{name} {size} cannot be; give {least} to {_LARGEST}")


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found in a file: the figures of a kernel, or of layers.

    Args:
        kernel: Of a kernel file.
        layers: Of a network or its weights.
    """

    kernel: KernelFigures | None = None
    layers: tuple[LayerFigures, ...] = ()

    @property
    def ripple(self) -> float:
        """The largest ripple of the kernel or of any layer's weights or bias."""
        if self.kernel:
            return self.kernel.ripple
        return max((each.most for each in self.layers), default=0.0)

    @property
    def unknown(self) -> int:
        """How many layers could not be audited."""
        return sum(each.verdict == "unknown" for each in self.layers)


def audit(path: str, question: Question) -> Audit:
    """Return what there is to say of the checkerboard of a kernel or network.

    Args:
        path: A .npz, .npy or .onnx.
        question: What the file does not say itself.

    Raises:
        SettingError: The file is of no known kind, or what it lacks was not given.
        NetworkFileError: A network cannot be read.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".npz", ".npy"):
        return _of_taps(path, question)
    if suffix == ".onnx":
        return Audit(layers=tuple(map(layer_figures.figures, _of_model(path))))
    if suffix in _PICKLES:
        raise SettingError(
            f"{path} is a pickle, which can run code when it is opened; export it by "
            "torch.onnx.export or safetensors.torch.save_file"
        )
    raise SettingError(f"{path} is of no known kind; give .npz, .npy or .onnx")


def _of_model(path: str) -> list[Layer]:
    with _extra():
        from upsample_cli.networks.onnx_model import layers
    return layers(path)


@contextmanager
def _extra() -> Iterator[None]:
    """Name the extra that brings a library which is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingError(
            f"this file needs {error.name}, which is not installed; "
            'pip install "upsample-cli[audit]"'
        ) from error


def _of_taps(path: str, question: Question) -> Audit:
    found = taps.found(path, question.stride)
    if found.kernel is not None:
        return Audit(kernel_figures.figures(found.kernel, found.stride, question.padding))
    layer = layer_of(found.name, found.taps, question)
    return Audit(layers=(layer_figures.figures(layer),))


def layer_of(
    name: str,
    weights: NDArray[np.floating[Any]],
    question: Question,
    bias: NDArray[np.floating[Any]] | None = None,
) -> Layer:
    """Return the layer that weights without a graph are of.

    Args:
        name: What to call it.
        weights: Shape (Cin, Cout / groups, kH, kW) of a transposed convolution, or
            (Cout s s, Cin, kH, kW) of a sub-pixel convolution.
        question: With its stride and kind.
        bias: Of the sub-pixel convolution, shape (Cout s s,).

    Raises:
        SettingError: Channels of a sub-pixel convolution do not make whole blocks.
    """
    stride = question.stride or (1, 1)
    if question.kind == TCONV:
        return transposed(name, weights, stride, question.padding)
    block = stride[0] * stride[1]
    if len(weights) % block:
        raise SettingError(
            f"'{name}' has {len(weights)} channels, no multiple of {block}; "
            "give another --stride or --type tconv"
        )
    return sub_pixel(name, weights, bias, stride, question.padding)
