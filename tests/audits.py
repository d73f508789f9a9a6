"""What an audit tells of a model, and what it must."""

from pathlib import Path
from typing import Any

import layers as oracle
import numpy as np
import onnx
import pytest
from models import Array, node, saved

from upsample_cli.jobs.audit.layer_figures import LayerFigures, figures
from upsample_cli.networks import onnx_layers
from upsample_cli.networks.flatten import network_of
from upsample_cli.networks.trial import with_trial_run
from upsample_cli.networks.upsampling_layer import Layer


def layers(path: str) -> list[Layer]:
    """Return every layer of a .onnx file."""
    return onnx_layers.layers(with_trial_run(network_of(path)))


def found(made: onnx.ModelProto, folder: Path) -> list[LayerFigures]:
    """Return what is told of every layer of a model."""
    return [figures(layer) for layer in layers(saved(made, folder))]


def only(made: onnx.ModelProto, folder: Path) -> LayerFigures:
    """Return what is told of the one layer of a model."""
    (figure,) = found(made, folder)
    return figure


def normal(*shape: int, seed: int = 0) -> Array:
    """Return numbers of no pattern, the same for the same seed."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def middles(out: Array, stride: tuple[int, ...]) -> Array:
    """Return one period out of the middle of (Cin, Cout, ...)."""
    for axis, s in enumerate(stride):
        first = out.shape[2 + axis] // 2 // s * s
        out = out.take(range(first, first + s), axis=2 + axis)
    return out


def ripples(figure: LayerFigures) -> tuple[float | None, float | None]:
    """Return a layer's ripple and its worst channel's."""
    return figure.ripple, figure.worst_ripple


def expected(out: Array, stride: tuple[float, ...]) -> tuple[Any, Any]:
    """Return what they must be, of what flat channels become."""
    periods = middles(out, tuple(int(each) for each in stride))
    periods = periods.reshape(*periods.shape[:2], -1, 1)
    each = [oracle.ripple_of(periods[:, o : o + 1]) for o in range(periods.shape[1])]
    return (
        pytest.approx(oracle.ripple_of(periods), rel=1e-5, abs=1e-6),
        pytest.approx(max(each), rel=1e-4, abs=1e-6),
    )


def shuffle(mode: str, spelling: str) -> tuple[list[onnx.NodeProto], dict[str, Array]]:
    """Return the nodes from "c" to "y" that shuffle 12 channels to 3, and their tensors."""
    if spelling == "node":
        return [node("DepthToSpace", "c", "y", blocksize=2, mode=mode)], {}
    perm = [0, 1, 4, 2, 5, 3] if mode == "CRD" else [0, 3, 4, 1, 5, 2]
    shape = [1, 3, 2, 2, 12, 12] if mode == "CRD" else [1, 2, 2, 3, 12, 12]
    nodes = [
        node("Reshape", "c shape", "six"),
        node("Transpose", "six", "turned", perm=perm),
        node("Reshape", "turned flat", "y"),
    ]
    tensors = {"flat": np.array([1, 3, 24, 24])}
    if spelling == "unsqueezed":
        nodes[0] = node("Reshape", "wide shape", "six")
        nodes.insert(0, node("Unsqueeze", "c axes", "wide"))
        return nodes, tensors | {"axes": np.array([2, 3]), "shape": np.array([0, 3, 2, 2, 0, 0])}
    if spelling == "dynamic":  # heights and widths worked out as it runs
        pieces = "n m s s h w" if mode == "CRD" else "n s s m h w"
        nodes = [
            node("Shape", "c", "all"),
            node("Slice", "all two four", "h_w"),
            node("Split", "h_w", "h w"),
            node("Concat", pieces, "shape", axis=0),
            *nodes,
        ]
        one, three, two = np.array([1]), np.array([3]), np.array([2])
        return nodes, tensors | {
            "two": two, "four": np.array([4]), "n": one, "m": three, "s": two,
        }  # fmt: skip
    return nodes, tensors | {"shape": np.array(shape)}


WEIGHTS = normal(2, 3, 4, 4)

NORM = {"g": normal(12), "o": normal(12, seed=1), "m": normal(12, seed=2), "v": np.float32(2) +
        np.abs(normal(12))}  # fmt: skip
