"""All that is exactly known of a network layer's checkerboard."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.jobs.audit import remedies
from upsample_cli.kernels.phases import blurred, phase_sums, without_rounding
from upsample_cli.metrics.layers import LayerRipple, layer_ripple
from upsample_cli.metrics.ripple import VISIBLE
from upsample_cli.networks.layer import SUB_PIXEL, Layer


@dataclass(frozen=True, slots=True)
class LayerFigures:
    """The figures of an upsampling layer; None where one is unknown or has no meaning.

    Args:
        name: Of the layer in its network.
        kind: `tconv`, `sub-pixel`, `resize-conv` or `resize`.
        size: Taps of its kernel along each axis.
        stride: Output pixels per input pixel along each axis; of a resize any number.
        dilation: Distance of neighbouring taps along each axis.
        divides: Whether every phase is fed by the same number of taps.
        ripple: RMS of the pattern over that of the picture, for flat inputs.
        worst_channel: The output channel with the largest ripple of its own.
        worst_ripple: That ripple.
        bias_ripple: Spread of the phases' biases over the response to a flat input of 1.
        shift: Output pixels that the picture moves along each axis.
        verdict: `checkerboard`, `none` or `unknown`.
        remedy: What to do about it; why, where the verdict is unknown.
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
        """The larger of the ripples of weights and bias; 0 where both are unknown."""
        return max(self.ripple or 0.0, self.bias_ripple or 0.0)


def figures(layer: Layer) -> LayerFigures:
    """Return the figures of a layer.

    Args:
        layer: As found in a network.
    """
    if layer.unknown:
        return _made(layer, None, None, "unknown", layer.unknown)
    if layer.taps is None:
        # Interpolation keeps flat pictures flat, and a convolution keeps them so.
        return _made(layer, None, LayerRipple(0.0, np.zeros(1), 0.0, 1.0), "none", "")
    with np.errstate(over="ignore", invalid="ignore"):  # what is told below
        found = layer_ripple(*_received(layer, layer.taps))
    if not isfinite(found.gain):
        return _made(layer, None, None, "unknown", "sums of its weights overflow")
    uneven, biased = found.average >= VISIBLE, found.bias >= VISIBLE
    whole = remedies.divides(layer.taps.shape[2:], layer.stride, layer.dilation)
    remedy = ""
    if layer.kind == SUB_PIXEL:
        remedy = remedies.of_sub_pixel(uneven, biased)
    elif uneven:
        remedy = remedies.of_taps(layer.size, layer.stride, layer.dilation)
    return _made(layer, whole, found, "checkerboard" if uneven or biased else "none", remedy)


def _received(
    layer: Layer, taps: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.floating[Any]] | None]:
    """Return what each phase gets of flat channels, and of its bias, after all blurs."""
    gains = phase_sums(taps, layer.stride, layer.padding, layer.dilation)
    sizes, bias, axes = _sizes(taps), layer.bias, len(layer.stride)
    for each in layer.blurs:
        blur = phase_sums(each.taps, layer.stride, None, each.dilation)
        gains = blurred(gains, blur[:, None], axes)
        sizes = sizes * _sizes(each.taps[:, None])
        bias = None if bias is None else blurred(bias, blur, axes)
    return without_rounding(gains, sizes), bias


def _sizes(taps: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the sum of the sizes of taps for each pair of channels, shape (Cout, Cin, 1, ...)."""
    # One output channel after the other: all at once would take as much memory as the taps.
    sizes = np.array([np.abs(each).reshape(len(each), -1).sum(axis=1) for each in taps])
    return sizes.reshape(*sizes.shape, *(1,) * (taps.ndim - 2))


def _made(
    layer: Layer, whole: bool | None, found: LayerRipple | None, verdict: str, remedy: str
) -> LayerFigures:
    worst = None if found is None or layer.taps is None else int(np.argmax(found.channels))
    return LayerFigures(
        layer.name, layer.kind, layer.size, layer.stride or layer.scale, layer.dilation, whole,
        None if found is None else found.average, worst,
        None if worst is None or found is None else float(found.channels[worst]),
        None if found is None or layer.bias is None else found.bias,
        layer.shift, verdict, remedy,
    )  # fmt: skip
