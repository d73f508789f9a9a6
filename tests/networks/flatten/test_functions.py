"""Functions of a model's own: found, whatever their version, and refused where they have no end."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import WEIGHTS, only
from models import OPSET, model, node, saved
from onnx import FunctionProto, NodeProto, helper

from upsample_cli.errors import NetworkFileError
from upsample_cli.networks.onnx_layers import layers_of as layers

OWN = helper.make_opsetid("own", 1)
UP = [node("ConvTranspose", "a w", "b", strides=[2, 2])]


def call(number: int, takes: str, makes: str) -> NodeProto:
    """Return a node that calls a function."""
    return helper.make_node(f"F{number}", [takes, "w"], [makes], domain="own")


def function(number: int, body: list[NodeProto], opset: int = OPSET) -> FunctionProto:
    """Return a function from a and w to b."""
    opsets = [helper.make_opsetid("", opset), OWN]
    return helper.make_function("own", f"F{number}", ["a", "w"], ["b"], body, opsets)


def calling(functions: list[FunctionProto]) -> onnx.ModelProto:
    """Return a model of one node, which calls the first of its functions."""
    made = model([call(0, "x", "y")], {"w": WEIGHTS}, functions=functions)
    made.opset_import.append(OWN)
    return made


@pytest.mark.parametrize("within", [False, True], ids=["plain", "within a node"])
def test_functions_that_become_more_than_memory_are_refused(tmp_path: Path, within: bool) -> None:
    """Of 40 functions that call the next one twice, 2^40 would come in the place of a call."""
    functions = []
    for each in range(40):
        body = [call(each + 1, "a", "m"), call(each + 1, "m", "b")]
        if within:
            out = helper.make_tensor_value_info("b", 1, None)
            branch = helper.make_graph(body, "branch", [], [out])
            body = [helper.make_node("If", ["a"], ["b"], then_branch=branch, else_branch=branch)]
        functions.append(function(each, body))
    path = saved(calling([*functions, function(40, UP)]), tmp_path)
    with pytest.raises(NetworkFileError, match="take too much memory in the place of their calls"):
        layers(path)


def test_large_constants_of_functions_count(tmp_path: Path) -> None:
    """A tensor within a function is there as often as the function is called."""
    large = onnx.numpy_helper.from_array(np.zeros(1 << 20, np.float32))
    body = [helper.make_node("Constant", [], ["big"], value=large), *UP]
    calls = [call(1, "a" if each == 0 else f"m{each}", f"m{each + 1}") for each in range(100)]
    outer = function(0, [*calls, node("Identity", "m100", "b")])
    path = saved(calling([outer, function(1, body)]), tmp_path)
    with pytest.raises(NetworkFileError, match="take too much memory in the place of their calls"):
        layers(path)


def test_functions_within_functions_are_found(tmp_path: Path) -> None:
    """A layer is told as often as the function that it is in is called, at any depth."""
    twice = [[call(each + 1, "a", "m"), call(each + 1, "m", "b")] for each in range(6)]
    functions = [function(each, body) for each, body in enumerate(twice)]
    path = saved(calling([*functions, function(6, UP)]), tmp_path)
    assert len(list(layers(path))) == 64


def test_a_long_circle_of_functions_is_refused(tmp_path: Path) -> None:
    """However many functions it goes through, it has no end."""
    functions = [function(each, [call((each + 1) % 1000, "a", "b")]) for each in range(1000)]
    with pytest.raises(NetworkFileError, match="has damaged functions; export it again"):
        layers(saved(calling(functions), tmp_path))


@pytest.mark.parametrize("opset", [11, 17, 18, 21])
def test_layers_of_local_functions_are_found(tmp_path: Path, opset: int) -> None:
    """A function of the model's own is put in the place of its call, whatever its version."""
    figure = only(calling([function(0, UP, opset)]), tmp_path)
    assert (figure.stride, figure.verdict) == ((2, 2), "checkerboard")


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    """It has no end, so the model is damaged."""
    made = calling([function(0, [call(0, "a", "b")])])
    with pytest.raises(NetworkFileError, match=r"model.onnx has damaged functions; export"):
        layers(saved(made, tmp_path))
