"""Values of ONNX models that only graphs within nodes take: layers that do not blur alone."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import WEIGHTS, found
from models import model, node
from onnx import GraphProto, helper

UP = node("ConvTranspose", "x w", "u", strides=[2, 2])
MEAN = node("AveragePool", "u", "y", kernel_shape=[2, 2])


def within(taken: str, inputs: tuple[str, ...] = (), **nodes: onnx.NodeProto) -> GraphProto:
    """Return a graph that makes "b" of what it takes, or hands that on as it is."""
    own = [helper.make_tensor_value_info(name, 1, None) for name in inputs]
    out = helper.make_tensor_value_info("b" if nodes else taken, 1, None)
    return helper.make_graph(list(nodes.values()), "within", own, [out])


def choice(branch: GraphProto, name: str) -> onnx.NodeProto:
    """Return an If."""
    return helper.make_node("If", ["p"], [name], then_branch=branch)


def ripples(after: list[onnx.NodeProto], folder: Path) -> list[float | None]:
    """Return what is told of a layer and of what takes it."""
    made = model([UP, *after], {"w": WEIGHTS}, inputs=("x", "p"))
    return [each.ripple for each in found(made, folder)]


@pytest.mark.parametrize(
    "branch",
    [
        within("u", neg=node("Neg", "u", "b")),
        within("u"),
        within("u", deep=choice(within("u", neg=node("Neg", "u", "b")), "b")),
    ],
)
def test_a_branch_that_takes_a_layer_sees_it_without_its_blur(
    tmp_path: Path, branch: GraphProto
) -> None:
    """So what the blur leaves is not all that there is to see."""
    assert ripples([MEAN, choice(branch, "z")], tmp_path) == ripples([], tmp_path)


def test_a_name_that_a_body_has_itself_is_another_value(tmp_path: Path) -> None:
    """The body's own input is not the layer, though it may be called like it."""
    body = within("u", ("u",), neg=node("Neg", "u", "b"))
    scan = helper.make_node("Scan", ["x"], ["z"], body=body, num_scan_inputs=1)
    assert ripples([MEAN, scan], tmp_path) == ripples([MEAN], tmp_path) != ripples([], tmp_path)


def test_a_branch_that_takes_an_interpolation_parts_it_from_its_convolution(
    tmp_path: Path,
) -> None:
    """It is bare there."""
    resize, conv = node("Resize", "x - s", "u"), node("Conv", "u w", "y")
    kinds = []
    for after in ([], [choice(within("u"), "z")]):
        made = model(
            [resize, conv, *after], {"w": WEIGHTS, "s": np.float32([1, 1, 2, 2])}, inputs=("x", "p")
        )
        kinds.append([each.kind for each in found(made, tmp_path)])
    assert kinds == [["resize-conv"], ["resize"]]
