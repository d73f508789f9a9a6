"""Layers from weights without a graph, for which a user gives the stride and the kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.jobs.audit.taps import AXES, along
from upsample_cli.kernels.phases import phase_sums, without_rounding
from upsample_cli.networks.upsampling_layer import MOST_SUMS, SUB_PIXEL, TCONV, Layer
from upsample_cli.networks.weights_file import read, with_combined_weights

_NAMED = 12  # most tensors that a message names
_LARGEST = 512  # stride or padding


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Options that supply what a file does not hold.

    Args:
        stride: Output pixels per input pixel, down and across; None if not given.
        padding: Output pixels cropped at the top and left; of a sub-pixel convolution, input pixels
            added there; None if not given.
        layer: Pattern of the names of the tensors to audit in a .safetensors; None if not given.
        type: The kind of layer that the weights belong to, `tconv` or `sub-pixel`; None if not
            given.
    """

    stride: tuple[int, int] | None = None
    padding: tuple[int, int] | None = None
    layer: str | None = None
    type: str | None = None

    @property
    def named_options(self) -> list[str]:
        """The names of the options that are given."""
        options = {"--stride": self.stride, "--padding": self.padding, "--layer": self.layer,
                   "--type": self.type}  # fmt: skip
        return [option for option, value in options.items() if value is not None]

    @property
    def kind(self) -> str:
        """The kind of layer as given, or a transposed convolution."""
        return self.type or TCONV

    def __post_init__(self) -> None:
        """Refuse strides and paddings that are out of range."""
        for option, pair, least in (("stride", self.stride, 1), ("padding", self.padding, 0)):
            if pair and not all(least <= number <= _LARGEST for number in pair):
                size = "x".join(map(str, pair if pair[0] != pair[1] else pair[:1]))
                raise SettingError(f"--{option} {size} is out of range; give {least} to {_LARGEST}")


def layer_of(
    name: str,
    weights: NDArray[np.floating[Any]],
    options: FileOptions,
    bias: NDArray[np.floating[Any]] | None = None,
) -> Layer:
    """Return the layer that weights without a graph belong to.

    Args:
        name: What to call the layer.
        weights: Shape (Cin, Cout / groups, k1, ..., kN) of a transposed convolution, or
            (Cout s1 ... sN, Cin, k1, ..., kN) of a sub-pixel convolution.
        options: Stride, padding and kind are used.
        bias: The bias of a sub-pixel convolution, shape (Cout s1 ... sN,); None if it has none.

    Raises:
        SettingError: The channels of a sub-pixel convolution are no multiple of a block's pixels,
            the stride is too large, or stride or padding is for another number of axes.
    """
    axes = weights.ndim - 2
    stride = along(name, "stride", options.stride or (1, 1), axes)
    padding = options.padding and along(name, "padding", options.padding, axes)
    if options.kind == TCONV:
        if prod(stride) * prod(weights.shape[:2]) > MOST_SUMS:
            size = "x".join(map(str, stride))
            raise SettingError(f"--stride {size} is too large for '{name}'; give the layer's own")
        return transposed(name, weights, stride, padding)
    block = prod(stride)
    if len(weights) % block:
        raise SettingError(
            f"'{name}' has {len(weights)} channels, not a multiple of {block}; "
            "give another --stride or --type tconv"
        )
    return sub_pixel(name, weights, bias, stride, padding)


def layers_of(path: str, options: FileOptions) -> list[Layer]:
    """Return the layers of a .safetensors whose names match the pattern of --layer.

    Args:
        path: The file.
        options: The pattern may have *, ? and [abc], as for files.

    Raises:
        SettingError: The file cannot be read, the pattern or stride is missing, or no name matches.
    """
    tensors, faults = with_combined_weights(read(path))
    weights = {name: item for name, item in tensors.items() if item.ndim in AXES and item.size}
    if options.layer is None or options.stride is None:
        needed = {"--layer PATTERN": options.layer, "--stride N": options.stride}
        lacking = " and ".join(option for option, value in needed.items() if value is None)
        raise SettingError(f"{path} has weights but no graph; pass {lacking} ({_listed(weights)})")
    pattern = options.layer
    chosen = [
        name for name in weights
        if fnmatchcase(name, pattern) or fnmatchcase(name.removesuffix(".weight"), pattern)
    ]  # fmt: skip
    if not chosen:
        raise SettingError(f"{path} has no weights '{pattern}'; {_listed(weights)}")
    return [
        Layer(name.removesuffix(".weight"), options.kind, unknown=faults[name])
        if name in faults
        else _layer(name, tensors, options)
        for name in chosen
    ]


def _layer(name: str, tensors: Mapping[str, NDArray[Any]], options: FileOptions) -> Layer:
    title = name.removesuffix(".weight")
    bias = tensors.get(f"{title}.bias") if options.kind == SUB_PIXEL else None
    if bias is not None and bias.shape != tensors[name].shape[:1]:
        bias = None
    for item in (tensors[name], bias):
        if item is not None and item.dtype.kind != "f":
            reason = "its weights are quantised; audit the model before quantisation"
            return Layer(title, options.kind, unknown=reason)
        if item is not None and not np.isfinite(item).all():
            return Layer(title, options.kind, unknown="its weights hold NaN or infinity")
    return layer_of(title, tensors[name], options, bias)


def _listed(weights: Mapping[str, NDArray[Any]]) -> str:
    """Return the names and shapes of tensors as part of a message."""
    if not weights:
        return "it holds no weights of three to five axes"
    words = [f"{name} {'x'.join(map(str, item.shape))}" for name, item in weights.items()]
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return f"it holds {', '.join(words[:_NAMED])}{more}"


def transposed(
    name: str,
    weights: NDArray[np.floating[Any]],
    stride: tuple[int, ...],
    padding: tuple[int, ...] | None,
    dilation: tuple[int, ...] | None = None,
    groups: int = 1,
) -> Layer:
    """Return the layer of a transposed convolution.

    Args:
        name: The name of the layer.
        weights: Shape (Cin, Cout / groups, k1, ..., kN), as in PyTorch and ONNX.
        stride: Output pixels per input pixel along each of the N axes.
        padding: Output pixels cropped at the start of each axis; None if unknown.
        dilation: Output pixels from one tap to the next along each axis; by default 1.
        groups: Number of groups of channels, which do not mix.
    """
    size = weights.shape[2:]
    dilation = dilation or (1,) * len(size)
    # Input channels feed only the output channels of their own group.
    runs = weights.reshape(groups, -1, *weights.shape[1:]).swapaxes(1, 2)
    taps = runs.reshape(-1, *runs.shape[2:])
    shift = padding and tuple(
        (d * (k - 1) + 1 - s) / 2 - p
        for k, s, p, d in zip(size, stride, padding, dilation, strict=True)
    )
    with np.errstate(over="ignore", invalid="ignore"):  # sums that overflow are audited as unknown
        gains = without_rounding(phase_sums(taps, stride, padding, dilation), _absolute_sums(taps))
    return Layer(name, TCONV, stride, size, dilation, gains, shift=shift)


def sub_pixel(
    name: str,
    weights: NDArray[np.floating[Any]],
    bias: NDArray[np.floating[Any]] | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...] | None,
) -> Layer:
    """Return the layer of a convolution whose channels are then shuffled into blocks of pixels.

    Args:
        name: The name of the layer.
        weights: Shape (Cout s1 ... sN, Cin, k1, ..., kN), in the order of PyTorch's pixel shuffle.
        bias: Shape (Cout s1 ... sN,); None if there is none.
        stride: Output pixels per input pixel along each of the N axes: the sides of a block.
        padding: Input pixels added at the start of each axis; None if unknown.

    Source: W. Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", CVPR 2016.
    """
    size, block = weights.shape[2:], prod(stride)
    with np.errstate(over="ignore", invalid="ignore"):  # sums that overflow are audited as unknown
        sums = weights.reshape(*weights.shape[:2], -1).sum(axis=2, dtype=np.float64)
        gains = without_rounding(sums, _absolute_sums(weights).reshape(sums.shape))
    gains = gains.reshape(-1, block, weights.shape[1]).swapaxes(1, 2)
    shift = padding and tuple(
        s * (p - (k - 1) / 2) for s, k, p in zip(stride, size, padding, strict=True)
    )
    return Layer(
        name, SUB_PIXEL, stride, size, (1,) * len(size), gains.reshape(*gains.shape[:2], *stride),
        None if bias is None else bias.reshape(-1, *stride), shift,
    )  # fmt: skip


def _absolute_sums(taps: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the sum of the absolute taps of each pair of channels, shape (Cout, Cin, 1, ...)."""
    # One output channel at a time: all at once would take as much memory as the taps.
    sizes = np.array([np.abs(item).reshape(len(item), -1).sum(axis=1) for item in taps])
    return sizes.reshape(*sizes.shape, *(1,) * (taps.ndim - 2))
