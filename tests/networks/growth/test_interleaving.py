"""Maps that are stacked and then flattened in ONNX models."""

from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import expected, found, normal, only, ripples
from models import model, node

from upsample_cli.networks import growth

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


HALVES = TENSORS | {"flat": np.array([1, 6, 10, 20])}


@pytest.mark.parametrize(
    ("nodes", "tensors"),
    [
        ([CONV, *CUT, *STACK, JOIN, END], HALVES),
        ([node("Conv", "x w", "a"), node("Conv", "x v", "b"), *STACK, JOIN, END], TENSORS),
    ],
    ids=["halves", "convolutions"],
)
def test_maps_between_each_other_are_measured(
    tmp_path: Path, nodes: list[onnx.NodeProto], tensors: dict[str, np.ndarray]
) -> None:
    """Frames and pixels that are made so have phases of their own."""
    made = model(nodes, tensors | {"v": normal(12, 2, 3, 3, seed=1)})
    figure = only(made, tmp_path)
    assert (figure.kind, figure.stride, figure.verdict) == ("sub-pixel", (1, 2), "checkerboard")
    assert ripples(figure) == expected(models.responses(made, 2, 2, 12), (1, 2))


def test_activations_of_some_maps_are_unknown(tmp_path: Path) -> None:
    """What they make of flat pictures depends on how bright these are."""
    nodes = [CONV, node("Relu", "c", "a"), node("Conv", "x w", "b"), *STACK, JOIN, END]
    figure = only(model(nodes, TENSORS), tmp_path)
    assert (figure.kind, figure.verdict) == ("sub-pixel", "unknown")
    assert figure.remedy == "Relu (the_Relu) joins branches before it"


def test_copies_between_each_other_are_even(tmp_path: Path) -> None:
    """So nearest-neighbour interpolation is spelled, too."""
    nodes = [CONV, node("Relu", "c", "a"), STACK[0], node("Unsqueeze", "a after", "b2"), JOIN, END]
    figure = only(model(nodes, TENSORS), tmp_path)
    assert (figure.stride, figure.ripple, figure.verdict) == ((1, 2), 0.0, "none")


@pytest.mark.parametrize(
    "nodes",
    [
        [CONV, node("Relu", "c", "a"), node("Neg", "c", "b"), *STACK,
         node("Concat", "a2 b2", "y", axis=4)],
        [CONV, node("Relu", "c", "a2"), node("Neg", "c", "b2"),
         node("Concat", "a2 b2", "s", axis=3), END],
    ],
    ids=["stays", "side by side"],
)  # fmt: skip
def test_what_is_stacked_otherwise(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    """Maps that stay apart make no new pixels."""
    assert found(model(nodes, TENSORS), tmp_path) == []


def test_joined_channels_are_judged_on_one_small_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dense networks join channels hundreds of times: larger maps would take minutes."""
    runs = list[int]()
    ready = growth.ReadyPart
    monkeypatch.setattr(growth, "ReadyPart", lambda *given: runs.append(given[2]) or ready(*given))
    nodes = [node("Conv", "x w", "a"), node("Conv", "x v", "b"), node("Concat", "a b", "y", axis=1)]
    made = model(nodes, {"w": normal(4, 2, 1, 1), "v": normal(3, 2, 1, 1)})
    assert found(made, tmp_path) == []
    assert runs == [24]
