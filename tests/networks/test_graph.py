"""Where in an ONNX model layers are found, and which operators are ONNX's own."""

from pathlib import Path

import pytest
from audits import WEIGHTS, found, only
from models import model, node
from onnx import helper, numpy_helper


def test_layers_within_nodes_are_found(tmp_path: Path) -> None:
    """Branches of If and bodies of Loop are walked, and see the weights around them."""
    value = helper.make_tensor_value_info("b", 1, None)
    up = helper.make_graph(
        [node("ConvTranspose", "x up.weight", "b", strides=[2, 2])], "up", [], [value]
    )
    own = helper.make_graph(
        [node("Identity", "v", "w2"), node("ConvTranspose", "x w2", "b", strides=[4, 4])], "own",
        [], [value], [numpy_helper.from_array(WEIGHTS, "v")],
    )  # fmt: skip
    choice = helper.make_node("If", ["p"], ["y"], "which", then_branch=up, else_branch=own)
    made = model([choice], {"up.weight": WEIGHTS}, inputs=("x", "p"))
    one, other = found(made, tmp_path)
    assert {one.name, other.name} == {"which/then_branch/up", "which/else_branch/the_ConvTranspose"}
    assert {one.stride, other.stride} == {(2, 2), (4, 4)}
    assert {one.verdict, other.verdict} == {"checkerboard"}


@pytest.mark.parametrize("kind", ["ConvTranspose", "DepthToSpace", "Resize", "Upsample"])
def test_operators_of_other_domains_are_unknown(tmp_path: Path, kind: str) -> None:
    """What is only called like an operator of ONNX's may do anything."""
    figure = only(model([helper.make_node(kind, ["x", "w"], ["y"], domain="my")], {"w": WEIGHTS}),
                  tmp_path)  # fmt: skip
    assert (figure.verdict, figure.ripple) == ("unknown", None)
    assert figure.remedy == f"it is my.{kind}, which is not ONNX's own"


def test_both_names_of_the_standard_domain(tmp_path: Path) -> None:
    """Models may import ai.onnx by its name; weights are worked out all the same."""
    nodes = [node("Identity", "v", "w"), node("ConvTranspose", "x w", "y", strides=[2, 2])]
    made = model(nodes, {"v": WEIGHTS})
    plain = only(made, tmp_path)
    made.opset_import[0].domain = made.graph.node[0].domain = "ai.onnx"
    assert only(made, tmp_path) == plain
