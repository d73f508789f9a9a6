"""The exact figures of a network layer's checkerboard, and how to remove it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, isfinite

import numpy as np

from upsample_cli.kernels.phases import phase_sums
from upsample_cli.metrics.ripple import VISIBLE, LayerRipple, layer_ripple
from upsample_cli.networks.upsampling_layer import SUB_PIXEL, TCONV, Layer

_OTHERWISE = "or use resize-conv"
_DARK = 0.01  # of the layer's gain: a channel whose mean is smaller counts as near 0


@dataclass(frozen=True, slots=True)
class LayerFigures:
    """The figures of an upsampling layer; unknown and meaningless figures are None.

    Args:
        name: The name of the layer in its network.
        kind: `tconv`, `sub-pixel`, `resize-conv` or `resize`.
        size: Taps of its kernel along each axis.
        stride: Output pixels per input pixel along each axis; may be fractional for a resize.
        dilation: Pixels from one tap to the next along each axis.
        divides: Whether every output phase is fed by the same number of taps.
        ripple: RMS of the pattern divided by that of the picture that carries it, for flat inputs.
        worst_channel: The output channel with the largest ripple, from 0; channels whose mean is
            near 0 do not count.
        worst_ripple: The ripple of that channel.
        bias_ripple: RMS deviation of the phases' biases, divided by the RMS of the output for flat
            inputs of 1.
        shift: Output pixels that the picture moves along each axis.
        verdict: `checkerboard`, `none` or `unknown`.
        remedy: How to remove the checkerboard, in words; the reason where the verdict is `unknown`.
    """

    name: str
    kind: str
    size: tuple[int, ...]
    stride: tuple[float, ...]
    dilation: tuple[int, ...]
    divides: bool | None
    ripple: float | None
    worst_channel: int | None
    worst_ripple: float | None
    bias_ripple: float | None
    shift: tuple[float, ...] | None
    verdict: str
    remedy: str

    @property
    def most(self) -> float:
        """The larger of `ripple` and `bias_ripple`; an unknown figure counts as 0."""
        return max(self.ripple or 0.0, self.bias_ripple or 0.0)


def figures(layer: Layer) -> LayerFigures:
    """Return the figures of a layer."""
    if layer.unknown:
        return _figures(layer, None, "unknown", layer.unknown)
    if layer.gains is None:
        # Interpolation keeps flat pictures flat, and so does a convolution after it.
        return _figures(layer, LayerRipple(0.0, np.zeros(1), 0.0, 1.0), "none", "")
    with np.errstate(over="ignore", invalid="ignore"):  # the verdict is then `unknown`, below
        ripple = layer_ripple(layer.gains, layer.bias)
    if not isfinite(ripple.gain):
        return _figures(layer, None, "unknown", "sums of its weights overflow")
    uneven, biased = ripple.average >= VISIBLE, ripple.bias >= VISIBLE
    remedy = ""
    if layer.kind == SUB_PIXEL:
        remedy = sub_pixel_remedy(uneven, biased)
    elif uneven:
        stride = tuple(map(int, layer.stride))
        remedy = taps_remedy(layer.size, stride, layer.dilation)
    return _figures(layer, ripple, "checkerboard" if uneven or biased else "none", remedy)


def _figures(layer: Layer, ripple: LayerRipple | None, verdict: str, remedy: str) -> LayerFigures:
    is_even = worst = None
    if ripple is not None and layer.gains is not None:
        stride = tuple(map(int, layer.stride))
        is_even = layer.kind != TCONV or is_overlap_even(layer.size, stride, layer.dilation)
        means = layer.gains.reshape(*layer.gains.shape[:2], -1).mean(axis=2)
        bright = np.linalg.norm(means, axis=1) > _DARK * ripple.gain
        if bright.any():  # a ripple that is divided by almost 0 says nothing
            worst = int(np.argmax(np.where(bright, ripple.channels, -1.0)))
    return LayerFigures(
        layer.name, layer.kind, layer.size, layer.stride, layer.dilation, is_even,
        None if ripple is None else ripple.average, worst,
        None if worst is None or ripple is None else float(ripple.channels[worst]),
        None if ripple is None or layer.bias is None else ripple.bias,
        layer.shift, verdict, remedy,
    )  # fmt: skip


def is_overlap_even(size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> bool:
    """Return whether every output phase is fed by the same number of taps.

    Args:
        size: Taps along each axis.
        stride: Output pixels per input pixel along each axis.
        dilation: Output pixels from one tap to the next along each axis.

    Source: A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", 2016.

    >>> is_overlap_even((3, 3), (2, 2), (1, 1)), is_overlap_even((4, 4), (2, 2), (1, 1))
    (False, True)
    """
    axes = zip(size, stride, dilation, strict=True)
    return not any(np.ptp(phase_sums(np.ones(k), (s,), None, (d,))) for k, s, d in axes)


def taps_remedy(size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> str:
    """Return the remedy, in words, for a transposed convolution whose phase sums differ.

    Args:
        size: Taps along each axis.
        stride: Output pixels per input pixel along each axis.
        dilation: Output pixels from one tap to the next along each axis.

    >>> taps_remedy((3, 3), (2, 2), (1, 1)).split(": ")[0]
    'kernel 3 is not a multiple of stride 2'
    """
    is_dilated = max(dilation) > 1  # `upsample repair` refuses these
    for k, s, d in zip(size, stride, dilation, strict=True):
        if is_overlap_even((k,), (s,), (d,)):
            continue
        shared = gcd(d, s)
        if shared > 1:
            return (
                f"dilation {d} and stride {s} share the factor {shared}, so that some outputs "
                f"get nothing: use dilation 1, {_OTHERWISE}"
            )
        if k < s:
            return (
                f"kernel {k} is smaller than stride {s}, so that some outputs get nothing: "
                f"use kernel {s} or {2 * s}, {_OTHERWISE}"
            )
        balance = "" if is_dilated else "or balance its taps (`upsample repair`), "
        return (
            f"kernel {k} is not a multiple of stride {s}: use kernel {-(-k // s) * s}, "
            f"{balance}{_OTHERWISE}"
        )
    balance = "give them equal sums" if is_dilated else "balance them (`upsample repair`)"
    return (
        "the overlap is even, but the taps of the phases have different sums: "
        f"{balance}, {_OTHERWISE}"
    )


def sub_pixel_remedy(weights: bool, bias: bool) -> str:
    """Return the remedy for a sub-pixel convolution; `weights` and `bias` say which are uneven."""
    sums = "the channels that become one block of pixels have different sums: initialise with ICNR"
    biases = "the phases have different biases: give each block one bias"
    remedies = ((weights, f"{sums}, {_OTHERWISE}"), (bias, biases))
    return "; ".join(remedy for is_uneven, remedy in remedies if is_uneven)
