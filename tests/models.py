"""Small ONNX models, and what onnx's own reference makes of flat pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from shapes import shaped

Array = NDArray[Any]
OPSET = 17


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    """Return a node, its inputs and outputs being words, "-" where one is left out."""
    names = ["" if each == "-" else each for each in inputs.split()]
    return helper.make_node(kind, names, outputs.split(), name=f"the_{kind}", **attributes)


def model(
    nodes: Sequence[NodeProto],
    tensors: dict[str, Array | TensorProto] | None = None,
    opset: int = OPSET,
    inputs: Sequence[str] = ("x",),
    out: str = "y",
    **more: Any,
) -> onnx.ModelProto:
    """Return a model from x to y."""
    known = [
        value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)
        for name, value in (tensors or {}).items()
    ]
    for tensor, name in zip(known, tensors or {}, strict=True):
        tensor.name = name
    graph = helper.make_graph(
        list(nodes), "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inputs],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, None)], known,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **more)


def saved(made: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> str:
    """Write a model; return its path."""
    path = folder / name
    path.write_bytes(shaped(made).SerializeToString())
    return str(path)


def run(made: onnx.ModelProto, x: Array) -> Array:
    """Return what the reference makes of (C, ...)."""
    (out,) = ReferenceEvaluator(made).run(None, {"x": x[None].astype(np.float32)})
    return np.asarray(out, np.float64)[0]


def responses(made: onnx.ModelProto, channels: int, axes: int = 2, size: int = 12) -> Array:
    """Return what a model makes of each flat channel beyond what it makes of nothing."""
    dark = np.zeros((channels, *(size,) * axes))
    base, out = run(made, dark), []
    for channel in range(channels):
        flat = dark.copy()
        flat[channel] = 1
        out.append(run(made, flat) - base)
    return np.array(out)


def generator() -> onnx.ModelProto:
    """Return a network that upsamples in four ways, two of which are uneven."""
    rng = np.random.default_rng(0)
    uneven = np.eye(8)[:, :, None, None] * np.outer([0.5, 1, 0.5], [0.5, 1, 1]) / 2
    tensors = {
        "up1.weight": uneven + rng.normal(0, 0.01, (8, 8, 3, 3)),
        "up2.weight": rng.normal(0, 0.1, (8, 8, 4, 4)),
        "up3.weight": np.repeat(rng.normal(0, 0.1, (8, 8, 3, 3)), 4, axis=0),
        "scales": np.array([1, 1, 2, 2]),
        "out.weight": rng.normal(0, 0.1, (3, 8, 3, 3)),
    }
    nodes = [
        node("ConvTranspose", "x up1.weight", "a", strides=[2, 2], pads=[1] * 4,
             output_padding=[1, 1]),
        node("Relu", "a", "b"),
        node("ConvTranspose", "b up2.weight", "c", strides=[2, 2], pads=[1] * 4),
        node("Relu", "c", "d"),
        node("Conv", "d up3.weight", "e", pads=[1] * 4),
        node("DepthToSpace", "e", "f", blocksize=2, mode="CRD"),
        node("Relu", "f", "g"),
        helper.make_node("Resize", ["g", "", "scales"], ["h"], "up4"),
        node("Conv", "h out.weight", "y", pads=[1] * 4),
    ]  # fmt: skip
    return model(nodes, {name: value.astype(np.float32) for name, value in tensors.items()})
