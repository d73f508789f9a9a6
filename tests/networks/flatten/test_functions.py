"""Functions of a model's own: found, whatever their version, and refused where they have no end."""

from pathlib import Path

import onnx
import pytest
from audits import WEIGHTS, layers, only
from models import OPSET, model, node, saved
from onnx import FunctionProto, NodeProto, helper

from upsample_cli.errors import NetworkFileError
from upsample_cli.jobs.audit.network import audit

OWN = helper.make_opsetid("own", 1)
UP = [node("ConvTranspose", "a w", "b", strides=[2, 2])]
REFUSED = "(has damaged functions|makes onnxruntime crash, or takes too much memory); export it"


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


def test_functions_within_functions_are_found(tmp_path: Path) -> None:
    """A layer is told as often as the function that it is in is called, at any depth."""
    twice = [[call(each + 1, "a", "m"), call(each + 1, "m", "b")] for each in range(6)]
    functions = [function(each, body) for each, body in enumerate(twice)]
    path = saved(calling([*functions, function(6, UP)]), tmp_path)
    assert len(list(layers(path))) == 64


def test_a_long_circle_of_functions_is_refused(tmp_path: Path) -> None:
    """However many functions it goes through, it has no end. onnx 1.19 crashes on it."""
    functions = [function(each, [call((each + 1) % 1000, "a", "b")]) for each in range(1000)]
    with pytest.raises(NetworkFileError, match=REFUSED):
        audit(saved(calling(functions), tmp_path))


@pytest.mark.parametrize("opset", [11, 17, 18, 21])
def test_layers_of_local_functions_are_found(tmp_path: Path, opset: int) -> None:
    """A function of the model's own is put in the place of its call, whatever its version."""
    figure = only(calling([function(0, UP, opset)]), tmp_path)
    assert (figure.stride, figure.verdict) == ((2, 2), "checkerboard")


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    """It has no end, so the model is damaged."""
    made = calling([function(0, [call(0, "a", "b")])])
    with pytest.raises(NetworkFileError, match="model.onnx " + REFUSED):
        audit(saved(made, tmp_path))
