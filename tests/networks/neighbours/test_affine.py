"""What stands between a convolution and its pixel shuffle in ONNX models."""

from pathlib import Path
from typing import Any

import models
import numpy as np
import onnx
import pytest
from audits import NORM, expected, middles, normal, only, ripples, shuffle
from models import Array, model, node

from upsample_cli.jobs.audit.layer_figures import LayerFigures

EVEN = np.repeat(np.random.default_rng(0).normal(size=(3, 2, 3, 3)), 4, axis=0).astype(np.float32)
ONES = np.ones(12, np.float32)


def shuffled(
    folder: Path, between: list[onnx.NodeProto], tensors: dict[str, Array], conv: Any = None
) -> LayerFigures:
    """Return what is told of an ICNR convolution to "a", what follows to "c", and a shuffle."""
    nodes = [
        conv or node("Conv", "x w", "a", pads=[1] * 4), *between,
        node("DepthToSpace", "c", "y", blocksize=2, mode="CRD"),
    ]  # fmt: skip
    return only(model(nodes, {"w": EVEN, **tensors}), folder)


def test_a_fused_activation_stands_before_what_follows(tmp_path: Path) -> None:
    """A scale a channel after onnxruntime's convolution with activation is no part of it."""
    own = {"domain": "com.microsoft", "pads": [1] * 4}
    times, scales = (
        node("Mul", "a k", "c"),
        {"k": ONES[:, None, None] * np.arange(1, 13)[:, None, None]},
    )
    plain = node("FusedConv", "x w", "a", **own)
    assert shuffled(tmp_path, [times], scales, plain).verdict == "checkerboard"
    fused = node("FusedConv", "x w", "a", activation="Relu", **own)
    figure = shuffled(tmp_path, [times], scales, fused)
    assert "Mul (the_Mul) after the activation treats channels differently" in figure.remedy
    assert shuffled(tmp_path, [node("Identity", "a", "c")], {}, fused).verdict == "none"


@pytest.mark.parametrize(
    "between",
    [
        [node("Mul", f"v{each} v{each}", f"v{each + 1}") for each in range(60)],
        [
            made
            for each in range(0, 60, 2)
            for made in (
                node("Sigmoid", f"v{each}", f"v{each + 1}"),
                node("Mul", f"v{each} v{each + 1}", f"v{each + 2}"),
            )
        ],
    ],
    ids=["square", "silu"],
)
def test_a_value_that_is_used_twice_is_followed_once(
    tmp_path: Path, between: list[onnx.NodeProto]
) -> None:
    """A long chain of branches that meet again takes no time; one by one they would never end."""
    ends = [node("Identity", "a", "v0"), *between, node("Identity", "v60", "c")]
    assert shuffled(tmp_path, ends, {}).verdict == "none"


CHANNELS = normal(1, 12, 1, 1, seed=3)


@pytest.mark.parametrize(
    ("between", "tensors"),
    [
        ([node("BatchNormalization", "a g o m v", "c", epsilon=0.1)], NORM),
        ([node("Add", "a k", "c")], {"k": CHANNELS}),
        ([node("Sub", "k a", "c")], {"k": CHANNELS}),
        ([node("Sub", "a k", "c")], {"k": CHANNELS[0]}),
        ([node("Mul", "k a", "c")], {"k": CHANNELS}),
        ([node("Div", "a k", "c")], {"k": CHANNELS}),
        ([node("Mul", "a k", "b1"), node("Add", "b1 k", "c")], {"k": CHANNELS}),
        ([node("Add", "a k", "b1"), node("Mul", "b1 k", "c")], {"k": CHANNELS}),
        ([node("Identity", "a", "b1"), node("Cast", "b1", "c", to=1)], {}),
        ([node("Neg", "a", "b1"), node("Add", "b1 k", "c")], {"k": CHANNELS}),
        ([node("Transpose", "a", "b1", perm=[0, 2, 3, 1]), node("Mul", "b1 k", "b2"),
          node("Add", "k b2", "b3"), node("Transpose", "b3", "c", perm=[0, 3, 1, 2])],
         {"k": CHANNELS.reshape(-1)}),
    ],
    ids=["norm", "add", "from", "less", "times", "over", "both", "other", "same", "minus",
         "turned"],
)  # fmt: skip
def test_what_follows_the_convolution_is_taken_in(
    tmp_path: Path, between: list[onnx.NodeProto], tensors: dict[str, Array]
) -> None:
    """A scale and a shift for each channel before the shuffle are part of the layer."""
    conv = node("Conv", "x w b", "a", auto_pad="SAME_UPPER")
    nodes, more = shuffle("CRD", "node")
    known = {"w": normal(12, 2, 3, 3), "b": normal(12, seed=4), **tensors, **more}
    made = model([conv, *between, *nodes], known)
    figure = only(made, tmp_path)
    assert ripples(figure) == expected(models.responses(made, 2), (2, 2))
    dark = middles(models.run(made, np.zeros((2, 12, 12)))[None], (2, 2))
    gain = np.sqrt((middles(models.responses(made, 2), (2, 2)).mean(axis=(2, 3)) ** 2).sum() / 3)
    spread = np.sqrt(dark.var(axis=(2, 3)).mean())
    np.testing.assert_allclose(figure.bias_ripple, spread / gain, rtol=1e-4)


@pytest.mark.parametrize(
    "between",
    [
        [node("Relu", "a", "c")],
        [node("Sigmoid", "a", "s"), node("Mul", "a s", "c")],
        [node("PRelu", "a one", "c")],
        [node("Div", "a two", "d"), node("Erf", "d", "e"), node("Add", "e one", "f"),
         node("Mul", "a f", "g"), node("Mul", "g two", "c")],
    ],
    ids=["relu", "silu", "prelu", "gelu"],
)  # fmt: skip
def test_activations_are_passed_by(tmp_path: Path, between: list[onnx.NodeProto]) -> None:
    """One function of every channel does not unbalance: ICNR weights stay without ripple."""
    weights = np.repeat(normal(3, 2, 3, 3), 4, axis=0)
    constants = {"w": weights, "one": np.float32([0.25]), "two": np.float32(1.5)}
    nodes, _ = shuffle("CRD", "node")
    made = model([node("Conv", "x w", "a", pads=[1] * 4), *between, *nodes], constants)
    figure = only(made, tmp_path)
    assert (figure.ripple, figure.bias_ripple, figure.verdict) == (0.0, 0.0, "none")
    out = middles(models.run(made, np.ones((2, 12, 12)))[None], (2, 2))
    assert np.ptp(out, axis=(2, 3)).max() < 1e-6


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        ([node("PRelu", "a k", "c")], "no convolution stands before it, but PRelu (the_PRelu)"),
        ([node("Relu", "a", "r"), node("Mul", "r k", "c")], "Mul (the_Mul) after the activation"),
        ([node("Conv", "x w", "a2"), node("Max", "a a2", "c")], "but Max (the_Max)"),
        ([node("Softmax", "a", "c", axis=1)], "but Softmax (the_Softmax)"),
    ],
)
def test_what_unbalances_in_other_ways_is_unknown(
    tmp_path: Path, between: list[onnx.NodeProto], reason: str
) -> None:
    """Where weights alone do not tell, no figure is given but the reason."""
    tensors = {"w": normal(12, 2, 3, 3), "k": np.abs(normal(12, 1, 1))}
    nodes, _ = shuffle("CRD", "node")
    made = model([node("Conv", "x w", "a"), *between, *nodes], tensors)
    figure = only(made, tmp_path)
    assert (figure.ripple, figure.verdict, figure.kind) == (None, "unknown", "sub-pixel")
    assert reason in figure.remedy
