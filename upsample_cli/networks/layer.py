"""An upsampling layer of a network, whatever it is made of, as the transposed convolution it is."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_SUMS = 1 << 25  # of phases and pairs of channels: more is no layer but a slip
TCONV, SUB_PIXEL, RESIZE_CONV, RESIZE = "tconv", "sub-pixel", "resize-conv", "resize"


@dataclass(frozen=True, slots=True, eq=False)
class Blur:
    """A convolution of stride 1 that takes each channel of a layer by itself.

    Args:
        taps: Shape (Cout, k1, ..., kN), or (1, k1, ..., kN) for all channels: what each pixel
            spreads to its neighbours, so the weights of a convolution backwards.
        dilation: Distance of neighbouring taps along each axis.
    """

    taps: NDArray[np.floating[Any]]
    dilation: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """An upsampling layer.

    Args:
        name: Of the layer in its network.
        kind: `tconv`, `sub-pixel`, `resize-conv` or `resize`.
        stride: Output pixels per input pixel along each of the N axes; empty for a resize.
        size: Taps of the layer's own kernel along each axis; empty for a bare resize.
        taps: Shape (Cout, Cin, k1, ..., kN): the transposed convolution it amounts to, of one
            group; None for a resize, flat by construction, and where the weights are unknown.
        padding: Output pixels that it crops before the first along each axis, 0 where unknown.
        dilation: Distance of its neighbouring taps along each axis.
        bias: Shape (Cout, s1, ..., sN) where every phase has its own.
        shift: Output pixels that the picture moves along each axis; None if unknown.
        scale: Of a resize, along each axis; empty if unknown.
        unknown: Why it cannot be audited; empty if it can.
        blurs: What its pixels go through next; only where nothing else sees them.
    """

    name: str
    kind: str
    stride: tuple[int, ...] = ()
    size: tuple[int, ...] = ()
    taps: NDArray[np.floating[Any]] | None = None
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    bias: NDArray[np.floating[Any]] | None = None
    shift: tuple[float, ...] | None = None
    scale: tuple[float, ...] = ()
    unknown: str = ""
    blurs: tuple[Blur, ...] = ()


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
        name: Of the layer.
        weights: Shape (Cin, Cout / groups, k1, ..., kN), as PyTorch and ONNX have them.
        stride: Along each of the N axes.
        padding: Output pixels cropped before the first along each; None if unknown.
        dilation: Distance of neighbouring taps along each; by default 1.
        groups: Runs of channels that do not mix.
    """
    size = weights.shape[2:]
    dilation = dilation or (1,) * len(size)
    # Input channels of a group belong to the output channels of that group alone.
    runs = weights.reshape(groups, -1, *weights.shape[1:]).swapaxes(1, 2)
    taps = runs.reshape(-1, *runs.shape[2:])
    shift = padding and tuple(
        (d * (k - 1) + 1 - s) / 2 - p
        for k, s, p, d in zip(size, stride, padding, dilation, strict=True)
    )
    crop = padding or (0,) * len(size)
    return Layer(name, TCONV, stride, size, taps, crop, dilation, shift=shift)


def sub_pixel(
    name: str,
    weights: NDArray[np.floating[Any]],
    bias: NDArray[np.floating[Any]] | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...] | None,
    parts: tuple[int, ...] | None = None,
    groups: int = 1,
) -> Layer:
    """Return the layer of a convolution whose channels are then shuffled to pixels.

    Args:
        name: Of the layer.
        weights: Shape (Cout s1 ... sN, Cin / groups, k1, ..., kN).
        bias: Shape (Cout s1 ... sN,).
        stride: The blocks of pixels made of channels, along each of the N axes.
        padding: Of the convolution, before the first input along each axis; None if unknown.
        parts: In which order channels are numbered, what changes least first: 0 is the output
            channel, n the side of the block along the nth axis. By default 0, 1, ..., N, as in
            PyTorch's pixel shuffle (ONNX's CRD); 1, ..., N, 0 is phase by phase (DCR, TensorFlow).
        groups: Runs of channels that do not mix.

    Source: W. Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", CVPR 2016.
    """
    axes, size = len(stride), weights.shape[2:]
    parts = parts or tuple(range(1 + axes))
    phases = _by_phase(weights, stride, parts)  # (Cout, s1, ..., sN, Cin, k1, ..., kN)
    phases = _by_group(phases, stride, parts, groups)
    # A convolution runs backwards over its taps; each of them becomes a block of pixels.
    phases = np.flip(phases, tuple(range(-axes, 0)))
    order = [0, axes + 1]
    for axis in range(axes):
        order += [axes + 2 + axis, 1 + axis]
    taps = phases.transpose(order)
    spread = tuple(k * s for k, s in zip(size, stride, strict=True))
    taps = taps.reshape(*taps.shape[:2], *spread)
    inner = padding or (0,) * axes
    crop = tuple(s * (k - 1 - p) for s, k, p in zip(stride, size, inner, strict=True))
    shift = padding and tuple(
        s * (p - (k - 1) / 2) for s, k, p in zip(stride, size, padding, strict=True)
    )
    each = None if bias is None else _by_phase(bias, stride, parts)
    return Layer(name, SUB_PIXEL, stride, size, taps, crop, (1,) * axes, each, shift)


def _by_phase(
    array: NDArray[np.floating[Any]], stride: tuple[int, ...], parts: tuple[int, ...]
) -> NDArray[np.floating[Any]]:
    """Return (Cout, s1, ..., sN, ...) of (Cout s1 ... sN, ...)."""
    sides = (-1, *stride)
    split = array.reshape(*(sides[part] for part in parts), *array.shape[1:])
    return np.moveaxis(split, range(len(parts)), parts)


def _by_group(
    phases: NDArray[np.floating[Any]], stride: tuple[int, ...], parts: tuple[int, ...], groups: int
) -> NDArray[np.floating[Any]]:
    """Return weights a phase over the input channels of all groups that feed an output channel.

    Those of its phases that are of other groups are 0. Groups that feed none of its phases are left
    out: all their weights would be 0, which changes no ripple.
    """
    channels = phases.shape[0] * prod(stride)
    group = _by_phase(np.arange(channels) * groups // channels, stride, parts)
    group = group.reshape(len(phases), -1)
    rising = np.sort(group, axis=1)
    rank = (rising[:, 1:] != rising[:, :-1]).cumsum(axis=1, dtype=np.intp)
    rank = np.pad(rank, ((0, 0), (1, 0)))
    place = np.empty_like(rank)
    np.put_along_axis(place, group.argsort(axis=1, kind="stable"), rank, axis=1)
    most = int(place.max()) + 1
    if most == 1:
        return phases
    each = phases.reshape(*group.shape, *phases.shape[1 + len(stride) :])
    whole = np.zeros((*group.shape, most, *each.shape[2:]), phases.dtype)
    rows, columns = np.indices(group.shape)
    whole[rows, columns, place] = each
    return whole.reshape(*phases.shape[: 1 + len(stride)], -1, *each.shape[3:])
