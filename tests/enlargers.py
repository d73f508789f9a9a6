"""Small ONNX networks that enlarge pictures by two, bilinearly, in every form that models have."""

from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

_TAPS = np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25])


def enlarger(
    channels: int = 3,
    layout: str = "NCHW",
    dtype: type = np.float32,
    size: tuple[int, int] | None = None,
    white: int = 1,
    white_out: int | None = None,
    border: int = 0,
    multiple: int = 1,
    is_global: bool = False,
    mirrored: int = 0,
    signed: str = "",
) -> onnx.ModelProto:
    """Return a network.

    Args:
        channels: 1 or 3.
        layout: NCHW or NHWC.
        dtype: float32 or float16.
        size: Height and width of its input; None for any.
        white: 255 rounds to whole levels; 1 does not.
        white_out: What its output has as white, 1 or 255; by default `white`.
        border: Output pixels that it leaves off at each side.
        multiple: Height and width have to be multiples of this.
        mirrored: Input pixels by which it mirrors the picture itself.
        is_global: Whether it adds a tenth of the mean of the picture to each pixel.
        signed: What is of -1..1 instead of 0..1: `output`, or `both` input and output.
    """
    tensors: dict[str, NDArray[Any]] = {
        "w": np.repeat(_TAPS[None, None], channels, 0).astype(dtype)
    }
    nodes: list[NodeProto] = []
    now = "x"

    def then(kind: str, *more: str, **attributes: Any) -> str:
        """Add a node that takes what is there."""
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(kind, [now, *more], [name], **attributes))
        return name

    if layout == "NHWC":
        now = then("Transpose", perm=[0, 3, 1, 2])
    if multiple > 1:
        now = then("SpaceToDepth", blocksize=multiple)
        now = then("DepthToSpace", blocksize=multiple)
    if signed:
        tensors["one"], tensors["two"] = np.array(1, dtype), np.array(2, dtype)
    if signed == "both":
        now = then("Add", "one")
        now = then("Div", "two")
    start = now
    if mirrored:
        tensors["beyond"] = np.array([0, 0, mirrored, mirrored] * 2)
        now = then("Pad", "beyond", mode="reflect")
    pads = [1 + border + 2 * mirrored] * 4
    now = then("ConvTranspose", "w", strides=[2, 2], pads=pads, group=channels)
    if is_global:
        tensors["tenth"] = np.array(0.1, dtype)
        large, now = now, start
        now = then("GlobalAveragePool")
        now = then("Mul", "tenth")
        now = then("Add", large)
    if white == 255:
        now = then("Round")
    if white_out:
        tensors["gain"] = np.array(white_out / white, dtype)
        now = then("Mul", "gain")
    if signed:
        now = then("Mul", "two")
        now = then("Sub", "one")
    if layout == "NHWC":
        now = then("Transpose", perm=[0, 2, 3, 1])
    sides: list[Any] = [*size] if size else ["height", "width"]
    shape = [1, *sides, channels] if layout == "NHWC" else [1, channels, *sides]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        nodes, "enlarger", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(now, kind, None)],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def of_blocks(block: int) -> onnx.ModelProto:
    """Return a network that convolves blocks of pixels: what it makes depends on where they are."""
    rng = np.random.default_rng(0)
    taps = rng.normal(0, 0.1, (3 * (2 * block) ** 2, 3 * block**2, 3, 3)).astype(np.float32)
    shape = [1, 3, "h", "w"]
    graph = helper.make_graph(
        [helper.make_node("SpaceToDepth", ["x"], ["a"], blocksize=block),
         helper.make_node("Conv", ["a", "w"], ["b"], pads=[1, 1, 1, 1]),
         helper.make_node("DepthToSpace", ["b"], ["y"], blocksize=2 * block)], "blocks",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(taps, "w")],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def of_any_size(kind: str) -> onnx.ModelProto:
    """Return a network for pictures of any size whose output depends on where they begin.

    Args:
        kind: "pooled" adds maxima of blocks of 4 pixels; "corners" enlarges with aligned corners;
            "rounded" halves the picture first, so that odd sides come out longer; "attention" adds
            what it makes of maxima of a small map, enlarged to the picture's size, as RLFN does;
            "coordinates" adds a little of how far a pixel is across, as CoordConv can.
    """
    rng = np.random.default_rng(0)
    scales = np.array([1, 1, 2, 2], np.float32)
    half, box = np.float32(0.5), np.full((3, 1, 4, 4), 0.25, np.float32)
    blocks = {"kernel_shape": [4, 4], "strides": [4, 4], "ceil_mode": 1}
    copies = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric",
              "nearest_mode": "floor"}  # fmt: skip
    nodes = {
        "pooled": [
            helper.make_node("MaxPool", ["x"], ["p"], **blocks),
            helper.make_node("Shape", ["x"], ["s"]),
            helper.make_node("Resize", ["p", "", "four"], ["r"], **copies),
            helper.make_node("Slice", ["r", "zeros", "s"], ["q"]),
            helper.make_node("Add", ["x", "q"], ["a"]), helper.make_node("Mul", ["a", "h"], ["b"]),
            helper.make_node("Resize", ["b", "", "two"], ["y"], **copies),
        ],
        "corners": [helper.make_node("Resize", ["x", "", "two"], ["y"], mode="linear",
                                     coordinate_transformation_mode="align_corners")],
        "rounded": [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[2, 2], strides=[2, 2],
                             ceil_mode=1),
            helper.make_node("ConvTranspose", ["p", "w"], ["q"], strides=[2, 2],
                             pads=[1, 1, 1, 1], group=3),
            helper.make_node("Resize", ["q", "", "two"], ["y"], **copies),
        ],
        "attention": [
            helper.make_node("Conv", ["x", "v1"], ["p"], strides=[2, 2]),
            helper.make_node("MaxPool", ["p"], ["q"], kernel_shape=[7, 7], strides=[3, 3]),
            helper.make_node("Conv", ["q", "v2"], ["r"], pads=[1] * 4),
            helper.make_node("Conv", ["r", "v3"], ["s"]), helper.make_node("Shape", ["x"], ["t"]),
            helper.make_node("Resize", ["s", "", "", "t"], ["a"], mode="linear"),
            helper.make_node("Add", ["x", "a"], ["b"]),
            helper.make_node("Resize", ["b", "", "two"], ["y"], **copies),
        ],
        "coordinates": [
            helper.make_node("Shape", ["x"], ["s"]),
            helper.make_node("Resize", ["ends", "", "", "s"], ["a"], mode="linear",
                             coordinate_transformation_mode="align_corners"),
            helper.make_node("Add", ["x", "a"], ["b"]),
            helper.make_node("Resize", ["b", "", "two"], ["y"], **copies),
        ],
    }[kind]  # fmt: skip
    shape = [1, 3, "h", "w"]
    tensors = {
        "two": scales,
        "four": scales**2,
        "zeros": np.zeros(4, np.int64),
        "h": half,
        "ends": np.float32([[[[-0.05, 0.05]]]]).repeat(3, 1),
        "w": box,
        "v1": rng.normal(0, 0.3, (16, 3, 3, 3)).astype(np.float32),
        "v2": rng.normal(0, 0.1, (16, 16, 3, 3)).astype(np.float32),
        "v3": rng.normal(0, 0.01, (3, 16, 1, 1)).astype(np.float32),
    }
    graph = helper.make_graph(
        nodes, kind, [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def two_pictures() -> onnx.ModelProto:
    """Return a network that takes two pictures at once."""
    model = enlarger(size=(40, 56))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    return model


def two_inputs() -> onnx.ModelProto:
    """Return a network of two pictures, which is none that enlarges one."""
    shape = [1, 3, "h", "w"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])], "two",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def classifier() -> onnx.ModelProto:
    """Return a network that makes numbers of a picture."""
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["x"], ["m"]),
         helper.make_node("Flatten", ["m"], ["y"])], "classes",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def denoiser() -> onnx.ModelProto:
    """Return a network that makes a picture of the same size."""
    shape = [1, 3, "h", "w"]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])], "same",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def one_and_a_half() -> onnx.ModelProto:
    """Return a network of one size whose output is as large as if it left off a border of x2."""
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear")], "larger",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 40, 40])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 60, 60])],
        [numpy_helper.from_array(np.float32([1, 1, 1.5, 1.5]), "s")],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def written(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> str:
    """Write a network; return its path."""
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return str(path)


@lru_cache
def plain() -> str:
    """Return the path of a network for tests of what all methods promise."""
    return written(enlarger(), Path(mkdtemp(prefix="upsample-test-")))
