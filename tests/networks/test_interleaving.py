"""Maps that are stacked and then flattened in ONNX models."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import found, normal, only
from models import model, node

CONV = node("Conv", "x w", "c")
END = node("Reshape", "s flat", "y")
STACK = [node("Unsqueeze", "a after", "a2"), node("Unsqueeze", "b after", "b2")]
JOIN = node("Concat", "a2 b2", "s", axis=4)
CUT = [
    node("Reshape", "c shape", "r"), node("Gather", "r none", "a", axis=1),
    node("Gather", "r one", "b", axis=1),
]  # fmt: skip
TENSORS = {
    "w": normal(12, 2, 3, 3), "after": np.array([4]), "flat": np.array([1, 12, 10, 20]),
    "shape": np.array([1, 2, 6, 10, 10]), "none": np.array(0), "one": np.array(1),
    "minus": np.array([-1]), "zero": np.array([0]), "end": np.array([99]), "last": np.array([3]),
    "first": np.array([1]), "two": np.array([2]),
}  # fmt: skip


@pytest.mark.parametrize(
    "nodes",
    [
        [CONV, node("Relu", "c", "a"), node("Conv", "x w", "b"), *STACK, JOIN, END],
        [CONV, *CUT, *STACK, JOIN, END],
        [
            CONV,
            node("Relu", "c", "a"),
            node("Neg", "c", "b"),
            node("Unsqueeze", "a minus", "a2"),
            node("Unsqueeze", "b minus", "b2"),
            node("Concat", "a2 b2", "s", axis=-1),
            END,
        ],
        [
            CONV,
            *CUT,
            *STACK,
            JOIN,
            node("Shape", "s", "all"),
            node("Slice", "all zero last", "h"),
            node("Concat", "h minus", "flat2", axis=0),
            node("Reshape", "s flat2", "y"),
        ],
    ],
    ids=["convolutions", "halves", "last", "flattened"],
)
def test_maps_between_each_other_are_unknown(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    """Frames and pixels that are made so have phases of their own, which nothing showed."""
    figure = only(model(nodes, TENSORS), tmp_path)
    assert (figure.kind, figure.verdict) == ("Concat", "unknown")
    assert figure.remedy == "it puts maps between each other's pixels; shuffle channels"


@pytest.mark.parametrize(
    "nodes",
    [
        [CONV, node("Slice", "c zero end last two", "a"), node("Neg", "a", "b"), *STACK, JOIN,
         END],
        [CONV, node("Relu", "c", "a"), STACK[0], node("Unsqueeze", "a after", "b2"), JOIN, END],
        [node("Relu", "x", "a"), node("Abs", "x", "b"), *STACK, JOIN, END],
        [CONV, node("Relu", "c", "a"), node("Neg", "c", "b"), *STACK,
         node("Concat", "a2 b2", "y", axis=4)],
        [CONV, node("Relu", "c", "a2"), node("Neg", "c", "b2"),
         node("Concat", "a2 b2", "s", axis=3), END],
        [CONV, node("Relu", "c", "a"), node("Neg", "c", "b"), node("Unsqueeze", "a x", "a2"),
         STACK[1], JOIN, END],
        [CONV, *CUT, *STACK, JOIN, node("Shape", "s", "all"), node("Slice", "all zero first", "h"),
         node("Concat", "h minus", "flat2", axis=0), node("Reshape", "s flat2", "y")],
    ],
    ids=["rotary", "copies", "no convolution", "stays", "side by side", "damaged", "listed"],
)  # fmt: skip
def test_what_is_stacked_otherwise(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    """Rotary embeddings, copies of one map and maps that stay apart make no new pixels."""
    assert found(model(nodes, TENSORS), tmp_path) == []
