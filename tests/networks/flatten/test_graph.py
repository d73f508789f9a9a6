"""Where in an ONNX model layers are found, and which operators are ONNX's own."""

from pathlib import Path

import numpy as np
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


def test_what_asks_for_a_shape_sees_no_pixels(tmp_path: Path) -> None:
    """Exporters ask for the shape of what an interpolation makes; its convolution stays its own."""
    nodes = [
        node("Resize", "x - s", "u"), node("Shape", "u", "q"), node("Size", "u", "z"),
        node("Conv", "u w", "y"),
    ]  # fmt: skip
    figure = only(model(nodes, {"s": np.float32([1, 1, 2, 2]), "w": WEIGHTS}), tmp_path)
    assert (figure.kind, figure.size) == ("resize-conv", (4, 4))


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


def test_inputs_within_nodes_hide_the_names_around_them(tmp_path: Path) -> None:
    """A body's own input is what it is given, though a tensor around it may be called like it."""
    value, own = (helper.make_tensor_value_info(name, 1, None) for name in ("b", "w"))
    up = node("ConvTranspose", "x w", "b", strides=[2, 2])
    body = helper.make_graph([up], "body", [own], [value])
    scan = helper.make_node("Scan", ["v"], ["y"], "each", body=body, num_scan_inputs=1)
    figure = only(model([scan], {"v": WEIGHTS[None], "w": WEIGHTS * 0 + 1}), tmp_path)
    plain = only(
        model([node("ConvTranspose", "x v", "y", strides=[2, 2])], {"v": WEIGHTS}), tmp_path
    )
    assert (figure.name, figure.ripple) == ("each/body/the_ConvTranspose", plain.ripple)


@pytest.mark.parametrize(("taken", "weights"), [("w", WEIGHTS), ("v w", WEIGHTS.clip(min=1))])
def test_nodes_take_what_names_mean_where_they_stand(
    tmp_path: Path, taken: str, weights: np.ndarray
) -> None:
    """A value from around a body is not worked out of the body's tensors of the same names."""
    value = helper.make_tensor_value_info("b", 1, None)
    nodes = [node("Max", taken, "u"), node("ConvTranspose", "x u", "b", strides=[2, 2])]
    tensors = [numpy_helper.from_array(WEIGHTS * 0 + 1, "v")]
    body = helper.make_graph(nodes, "body", [], [value], tensors)
    choice = helper.make_node("If", ["p"], ["y"], "which", then_branch=body)
    made = model([node("Identity", "v", "w"), choice], {"v": WEIGHTS}, inputs=("x", "p"))
    up = node("ConvTranspose", "x w", "y", strides=[2, 2])
    expected = only(model([up], {"w": weights}), tmp_path).ripple
    assert only(made, tmp_path).ripple == pytest.approx(expected)


def test_nodes_may_stand_in_any_order(tmp_path: Path) -> None:
    """Converters to float16 put nodes at the end whose results those at the front take."""
    nodes = [
        node("Resize", "u - s", "y"), node("ConvTranspose", "c w", "u", strides=[2, 2]),
        node("Cast", "k", "s", to=1), node("Cast", "x", "c", to=1),
    ]  # fmt: skip
    tensors = {"w": WEIGHTS, "k": np.float32([1, 1, 2, 2])}
    first, second = found(model(nodes, tensors), tmp_path)
    assert [first.verdict, second.verdict] == ["checkerboard", "none"]
    assert [first, second] == found(model(nodes[::-1], tensors), tmp_path)


def test_nodes_around_may_stand_after_those_within(tmp_path: Path) -> None:
    """A branch may take what a later node of the graph around it makes."""
    branch = helper.make_graph(
        [node("Identity", "u", "b"), node("ConvTranspose", "c w", "u", strides=[2, 2])], "up", [],
        [helper.make_tensor_value_info("b", 1, None)],
    )  # fmt: skip
    choice = helper.make_node("If", ["p"], ["y"], "which", then_branch=branch, else_branch=branch)
    made = model([choice, node("Neg", "x", "c")], {"w": WEIGHTS}, inputs=("x", "p"))
    assert [one.verdict for one in found(made, tmp_path)] == ["checkerboard"] * 2


def test_nodes_that_wait_for_each_other_stay_as_they_are(tmp_path: Path) -> None:
    """A cycle has no order in which it could run, but a layer in it can be measured alone."""
    nodes = [node("Add", "x b", "a"), node("ConvTranspose", "a w", "b", strides=[2, 2])]
    figure = only(model([*nodes, node("Neg", "b", "y")], {"w": WEIGHTS}), tmp_path)
    assert figure.verdict == "checkerboard"
