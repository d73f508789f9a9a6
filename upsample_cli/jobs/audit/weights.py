"""Weights without a graph: what a person has to say of them to make them layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.jobs.audit.taps import AXES, along
from upsample_cli.networks import tensors
from upsample_cli.networks.layer import MOST_SUMS, SUB_PIXEL, TCONV, Layer, sub_pixel, transposed
from upsample_cli.networks.normalised import effective

_LARGEST = 512  # of a stride or padding
_NAMED = 12  # tensors that a message names


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

    @property
    def given(self) -> list[str]:
        """The options that say it."""
        told = {"--stride": self.stride, "--padding": self.padding, "--layer": self.layer}
        asked = [option for option, value in told.items() if value is not None]
        return asked + ["--type"] * (self.kind != TCONV)

    def __post_init__(self) -> None:
        """Refuse strides and paddings that cannot be."""
        for name, pair, least in (("stride", self.stride, 1), ("padding", self.padding, 0)):
            if pair and not all(least <= each <= _LARGEST for each in pair):
                size = "x".join(map(str, pair))
                raise SettingError(f"--{name} {size} cannot be; give {least} to {_LARGEST}")


def layer_of(
    name: str,
    weights: NDArray[np.floating[Any]],
    question: Question,
    bias: NDArray[np.floating[Any]] | None = None,
) -> Layer:
    """Return the layer that weights without a graph are of.

    Args:
        name: What to call it.
        weights: Shape (Cin, Cout / groups, k1, ..., kN) of a transposed convolution, or
            (Cout s1 ... sN, Cin, k1, ..., kN) of a sub-pixel convolution.
        question: With its stride and kind.
        bias: Of the sub-pixel convolution, shape (Cout s1 ... sN,).

    Raises:
        SettingError: Channels of a sub-pixel convolution do not make whole blocks, or the stride
            is far too large or for another number of axes.
    """
    axes = weights.ndim - 2
    stride = along(name, "stride", question.stride or (1, 1), axes)
    padding = question.padding and along(name, "padding", question.padding, axes)
    if question.kind == TCONV:
        if prod(stride) * prod(weights.shape[:2]) > MOST_SUMS:
            size = "x".join(map(str, stride))
            raise SettingError(f"--stride {size} is too large for '{name}'; give the layer's own")
        return transposed(name, weights, stride, padding)
    block = prod(stride)
    if len(weights) % block:
        raise SettingError(
            f"'{name}' has {len(weights)} channels, no multiple of {block}; "
            "give another --stride or --type tconv"
        )
    return sub_pixel(name, weights, bias, stride, padding)


def layers_of(path: str, question: Question) -> list[Layer]:
    """Return the layers of a .safetensors whose weights match the question's pattern.

    Args:
        path: The file.
        question: With its stride, and its pattern of names (as of files: *, ?, [abc]).

    Raises:
        SettingError: The file cannot be read, or pattern or stride are missing or match nothing.
    """
    found, faults = effective(tensors.read(path))
    weights = {name: each for name, each in found.items() if each.ndim in AXES and each.size}
    if question.layer is None or question.stride is None:
        options = {"--layer PATTERN": question.layer, "--stride N": question.stride}
        lacking = " and ".join(option for option, value in options.items() if value is None)
        raise SettingError(f"{path} has no graph; pass {lacking}; {_listed(weights)}")
    pattern = question.layer
    chosen = [
        name for name in weights
        if fnmatchcase(name, pattern) or fnmatchcase(name.removesuffix(".weight"), pattern)
    ]  # fmt: skip
    if not chosen:
        raise SettingError(f"{path} has no weights '{pattern}'; {_listed(weights)}")
    return [
        Layer(name.removesuffix(".weight"), question.kind, unknown=faults[name])
        if name in faults
        else _layer(name, found, question)
        for name in chosen
    ]


def _layer(name: str, found: Mapping[str, NDArray[Any]], question: Question) -> Layer:
    title = name.removesuffix(".weight")
    bias = found.get(f"{title}.bias") if question.kind == SUB_PIXEL else None
    if bias is not None and bias.shape != found[name].shape[:1]:
        bias = None
    for each in (found[name], bias):
        if each is not None and each.dtype.kind != "f":
            reason = "its weights are quantised; audit the model before quantisation"
            return Layer(title, question.kind, unknown=reason)
        if each is not None and not np.isfinite(each).all():
            return Layer(title, question.kind, unknown="its weights hold NaN or infinity")
    return layer_of(title, found[name], question, bias)


def _listed(weights: Mapping[str, NDArray[Any]]) -> str:
    """Return the names and shapes of tensors in words."""
    if not weights:
        return "it holds no weights of three to five axes"
    words = [f"{name} {'x'.join(map(str, each.shape))}" for name, each in weights.items()]
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return f"it holds {', '.join(words[:_NAMED])}{more}"
