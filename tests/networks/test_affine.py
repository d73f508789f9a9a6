"""What stands between a convolution and its pixel shuffle in ONNX models."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from models import Array, model, node, saved

from upsample_cli.jobs.layer_figures import LayerFigures, figures
from upsample_cli.networks.onnx_model import layers

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
    (figure,) = map(figures, layers(saved(model(nodes, {"w": EVEN, **tensors}), folder)))
    return figure


@pytest.mark.parametrize(
    ("variance", "attributes", "reason"),
    [
        (-ONES, {}, "has variances that cannot be"),
        (0 * ONES, {"epsilon": 0.0}, "has variances that cannot be"),
        (ONES, {"training_mode": 1}, "is for training"),
    ],
)
def test_batch_norms_that_tell_nothing(
    tmp_path: Path, variance: Array, attributes: dict[str, Any], reason: str
) -> None:
    """Impossible variances and those of the picture itself leave a layer unknown."""
    norm = node("BatchNormalization", "a g g g v", "c", **attributes)
    figure = shuffled(tmp_path, [norm], {"g": ONES, "v": variance})
    assert (figure.verdict, figure.ripple) == ("unknown", None)
    assert f"BatchNormalization (the_BatchNormalization) {reason}" in figure.remedy


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
    assert "Mul (the_Mul) after the convolution treats channels differently" in figure.remedy
    assert shuffled(tmp_path, [node("Identity", "a", "c")], {}, fused).verdict == "none"
    summed = node("FusedConv", "x w - z", "a", **own)
    figure = shuffled(tmp_path, [node("Identity", "a", "c")], {}, summed)
    assert figure.remedy == "FusedConv (the_FusedConv) joins two branches before it"


def test_branches_of_different_channels_do_not_fit(tmp_path: Path) -> None:
    """Where constants of two branches of a convolution are of different length, it is told."""
    scales = {"k": ONES[:, None, None], "l": ONES[:6, None, None]}
    between = [node("Mul", "a k", "b"), node("Mul", "a l", "d"), node("Add", "b d", "c")]
    figure = shuffled(tmp_path, between, scales)
    assert figure.remedy == "the constants of Conv (the_Conv) do not fit"


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
