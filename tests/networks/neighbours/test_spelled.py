"""Shuffles that are spelled out in ONNX models, with other nodes between theirs and before."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import found, normal
from models import model, node

TURN = node("Transpose", "a", "b", perm=[0, 1, 4, 2, 5, 3])
SHAPES = {"shape": np.array([1, 3, 2, 2, 12, 12]), "flat": np.array([1, 3, 24, 24])}
NUMBERS = {
    "s": np.float32(0.1), "z": np.uint8(128), "g": np.ones(12, np.float32), "one": np.array([1]),
    "end": np.array([99]),
}  # fmt: skip


def chain(kinds: str, taken: str, made: str) -> list[onnx.NodeProto]:
    """Return nodes of some kinds, one after the other."""
    nodes = []
    for place, kind in enumerate(kinds.split()):
        more = {"to": 1} if kind == "Cast" else {}
        inputs = f"{taken} s z" if kind.endswith("Linear") else taken
        taken = f"{made}{place}"
        nodes.append(node(kind, inputs, taken, **more))
    nodes[-1].output[0] = made
    return nodes


def blurred(kinds: str, turn: onnx.NodeProto = TURN) -> onnx.ModelProto:
    """Return a shuffle with nodes around its heart, and a blur after it."""
    nodes = [
        node("Conv", "x w", "c"), node("Reshape", "c shape", "r"), *chain(kinds, "r", "a"), turn,
        *chain(kinds, "b", "d"), node("Reshape", "d flat", "u"),
        node("AveragePool", "u", "y", kernel_shape=[1, 2]),
    ]  # fmt: skip
    return model(nodes, SHAPES | NUMBERS | {"w": normal(12, 2, 1, 1)})


def plain(folder: Path) -> list[float | None]:
    """Return the ripple of the same in one node."""
    nodes = [
        node("Conv", "x w", "c"), node("DepthToSpace", "c", "u", blocksize=2, mode="CRD"),
        node("AveragePool", "u", "y", kernel_shape=[1, 2]),
    ]  # fmt: skip
    return [each.ripple for each in found(model(nodes, {"w": normal(12, 2, 1, 1)}), folder)]


@pytest.mark.parametrize("kinds", ["Identity", "Cast", "QuantizeLinear DequantizeLinear Identity"])
def test_what_keeps_numbers_in_their_places_stands_between(tmp_path: Path, kinds: str) -> None:
    """Quantisers put their pairs of nodes after every node; the shuffle stays one."""
    assert [each.ripple for each in found(blurred(kinds), tmp_path)] == plain(tmp_path)


def test_a_blur_after_an_einsum(tmp_path: Path) -> None:
    """What follows a shuffle is part of the layer, whatever stands at its heart."""
    turn = node("Einsum", "a", "b", equation="ncpqhw->nchpwq")
    assert [each.ripple for each in found(blurred("Identity", turn), tmp_path)] == plain(tmp_path)
