"""How much interpolations in ONNX models enlarge, where sizes or old attributes tell it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from audits import found, only
from models import model, node


def sized(
    shape: list[int | str | None], sizes: list[int], opset: int = 18, **attributes: Any
) -> onnx.ModelProto:
    """Return a Resize to sizes of an input whose shape the model tells."""
    made = model([node("Resize", "x - - s", "y", **attributes)], {"s": np.array(sizes)}, opset)
    made.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("x", 1, shape))
    return made


@pytest.mark.parametrize(
    ("shape", "sizes", "attributes", "scale"),
    [
        ([1, 3, 8, 6], [1, 3, 16, 18], {}, (2, 3)),
        (["n", 3, 8, 6], [1, 3, 12, 6], {}, (1.5, 1)),
        ([1, 8, 6, 3], [1, 16, 18, 3], {}, (2, 3)),
        ([1, 3, 8, 6], [18, 16], {"axes": [3, -2]}, (2, 3)),
        ([1, 3, 8, 6], [18, 16], {"axes": [3, 2]}, (2, 3)),
        ([1, 3, 8, 6], [16], {"axes": [4]}, ()),
        ([1, 3, 8, 6], [16, 16], {"axes": [2]}, ()),
        ([1, 3, 8, 6], [16], {"axes": [2], "keep_aspect_ratio_policy": "not_larger"}, (2, 1)),
        (["n", None, 8, 6], [1, 3, 16, 18], {}, (2, 3)),
        ([1, 3, 8, 6], [1, 1, 3, 16, 18], {}, ()),
    ],
)
def test_sizes_of_a_known_input(
    tmp_path: Path, shape: list[Any], sizes: list[int], attributes: Any, scale: tuple[float, ...]
) -> None:
    """Where the model tells the shape of what is resized, sizes tell the scale."""
    figure = only(sized(shape, sizes, **attributes), tmp_path)
    assert (figure.stride, figure.shift is None) == (scale, not scale)


def test_sizes_that_are_smaller_are_no_upsampling(tmp_path: Path) -> None:
    """A Resize that shrinks is left out by sizes as by scales."""
    assert found(sized([1, 3, 8, 6], [1, 3, 4, 6]), tmp_path) == []


def test_sizes_of_the_last_axes_alone(tmp_path: Path) -> None:
    """Exporters cut batches and channels out of the input's shape, and put the picture's after."""
    nodes = [
        node("Relu", "x", "r"), node("Shape", "r", "all"), node("Slice", "all zero two", "first"),
        node("Concat", "first last", "s", axis=0), node("Resize", "r - - s", "y"),
    ]  # fmt: skip
    made = model(nodes, {"zero": np.array([0]), "two": np.array([2]), "last": np.array([16, 12])})
    made.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("x", 1, ["n", 3, 8, 6]))
    assert only(made, tmp_path).stride == (2, 2)
