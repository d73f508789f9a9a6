"""Channels that become pixels in ONNX models, in every order, and what only looks like it."""

from math import prod
from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from audits import expected, found, normal, only, ripples
from models import Array, model, node

LENGTHS = {"n": 1, "c": 3, "d": 6, "h": 6, "w": 6, "p": 2, "q": 3, "r": 2}
# As einsum has them: batches, channels, the picture's axes, and the sides of a block.
ORDERS = [
    ("ncpw", "nc(wp)"), ("npcw", "nc(wp)"),
    ("ncpqhw", "nc(hp)(wq)"), ("npqchw", "nc(hp)(wq)"),
    ("ncpqhw", "n(hp)(wq)c"), ("npqchw", "n(hp)(wq)c"),
    ("nhwpqc", "nc(hp)(wq)"), ("nhwcpq", "nc(hp)(wq)"), ("nhwpqc", "n(hp)(wq)c"),
    ("ncpqrdhw", "nc(dp)(hq)(wr)"), ("npqrcdhw", "nc(dp)(hq)(wr)"),
    ("ncpqrdhw", "n(dp)(hq)(wr)c"), ("npqrcdhw", "n(dp)(hq)(wr)c"),
    ("ndhwpqrc", "nc(dp)(hq)(wr)"), ("ndhwcpqr", "nc(dp)(hq)(wr)"), ("ndhwpqrc", "n(dp)(hq)(wr)c"),
    ("ncphw", "nc(hp)w"), ("npchw", "nch(wp)"), ("ncpdhw", "nc(dp)hw"), ("npcdhw", "ncdh(wp)"),
    ("ncpqdhw", "ncd(hp)(wq)"), ("ncqphw", "nc(hp)(wq)"), ("ncprqdhw", "nc(dp)(hq)(wr)"),
]  # fmt: skip
Nodes = list[onnx.NodeProto]


def rearranged(before: str, after: str, kind: str = "Transpose") -> tuple[Nodes, dict[str, Array]]:
    """Return the nodes from "c" to "turned" that einops would spell so, and their tensors."""
    letters = after.replace("(", "").replace(")", "")
    made = [prod(LENGTHS[each] for each in part.strip(")")) for part in parts(after)]
    told = {"equation": f"{before} -> {letters}"} if kind == "Einsum" else {
        "perm": [before.index(each) for each in letters]}  # fmt: skip
    nodes = [
        node("Reshape", "c split", "many"), node(kind, "many", "few", **told),
        node("Reshape", "few made", "turned"),
    ]  # fmt: skip
    return nodes, {"split": np.array([LENGTHS[each] for each in before]), "made": np.array(made)}


def parts(after: str) -> list[str]:
    """Return the axes that letters become, each as its letters."""
    words = after.replace("(", " (").replace(")", ") ").split()
    return [part.strip("()") for word in words for part in ([word] if "(" in word else word)]


@pytest.mark.parametrize("kind", ["Transpose", "Einsum"])
@pytest.mark.parametrize(("before", "after"), ORDERS)
def test_channels_become_pixels(tmp_path: Path, kind: str, before: str, after: str) -> None:
    """Some of up to three axes, channels second or last, counted in any order: as it runs."""
    axes = sum(each in "dhw" for each in before)
    block = tuple(
        prod(LENGTHS[each] for each in part[1:]) for part in parts(after) if part not in "nc"
    )
    count, to_last, to_first = 3 * prod(block), [0, *range(2, axes + 2), 1], [0, axes + 1]
    nodes, tensors = rearranged(before, after, kind)
    if before[1] in "cp":  # channels come second
        nodes.insert(0, node("Conv", "x w b", "c", pads=[1] * 2 * axes))
        tensors |= {"w": normal(count, 2, *(3,) * axes), "b": normal(count)}
    else:
        linear = [node("MatMul", "t w", "m"), node("Add", "b m", "c")]
        nodes = [node("Transpose", "x", "t", perm=to_last), *linear, *nodes]
        tensors |= {"w": normal(2, count), "b": normal(count)}
    back = {"perm": [*to_first, *range(1, axes + 1)]} if after[-1] == "c" else {}
    nodes.append(node("Transpose" if back else "Identity", "turned", "y", **back))
    made = model(nodes, tensors)
    figure = only(made, tmp_path)
    assert (figure.kind, figure.stride, figure.shift) == ("sub-pixel", block, (0.0,) * axes)
    assert ripples(figure) == expected(models.responses(made, 2, axes, 6), block)
    assert figure.bias_ripple != 0.0


@pytest.mark.parametrize(
    ("layer", "before", "after"),
    [
        ("Conv", "ncpw", "(nc)wp"), ("Conv", "npcw", "(np)wc"), ("Conv", "ncpw", "n(cw)p"),
        ("Conv", "ncpw", "n(pc)w"), ("Conv", "ncpqhw", "ncph(qw)"),
        ("Conv", "nchpwq", "n(cpq)hw"), ("Conv", "nchpwq", "n(hw)(pqc)"),
        ("MatMul", "nhwpqc", "n(hp)(wq)c"),
        ("MatMul", "nhwpqc", "nc(hp)(wq)"), ("MatMul", "nhpwqc", "(nhw)pqc"),
        ("MatMul", "nhpwqc", "n(hw)(pqc)"), ("MatMul", "nwpc", "npwc"),
        ("MatMul", "nwpc", "n(wc)p"), ("Add", "nhwpqc", "n(hp)(wq)c"),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_shuffle_is_none(
    tmp_path: Path, layer: str, before: str, after: str
) -> None:
    """Heads and windows of attention, patches that are merged and channels that are mixed."""
    nodes, tensors = rearranged(before, after)
    count = {"MatMul": 3}.get(layer, 6 if len(before) == 4 else 18)
    tensors["w"] = normal(count, count, 1, 1) if layer == "Conv" else normal(3, count)
    assert found(model([node(layer, "x w", "c"), *nodes], tensors), tmp_path) == []


def test_heads_that_are_as_many_as_tokens_are_no_channels(tmp_path: Path) -> None:
    """What is left of the channels is then as long as if they became pixels."""
    nodes, tensors = rearranged("nhpw", "(nh)wp")
    conv, tensors["w"] = node("Conv", "x w", "c"), normal(12, 12, 1)
    assert found(model([conv, *nodes], tensors), tmp_path) == []


@pytest.mark.parametrize(
    "after",
    [
        [node("MatMul", "turned k", "y")], [node("MatMul", "k turned", "y")],
        [node("Mul", "turned s", "q"), node("Transpose", "q", "t", perm=[0, 1, 3, 2]),
         node("MatMul", "k t", "y")],
    ],
)  # fmt: skip
def test_strips_that_attend_to_each_other_are_no_pixels(
    tmp_path: Path, after: list[onnx.NodeProto]
) -> None:
    """Strips of a picture hold their channels as pixels would lie, and are multiplied then."""
    nodes, tensors = rearranged("ncphw", "nch(wp)")
    conv, tensors["w"], tensors["s"] = node("Conv", "x w", "c"), normal(6, 6, 1, 1), np.float32(2)
    nodes = [conv, *nodes, *after]
    made = model(nodes, tensors, inputs=("x", "k"))
    for value, shape in zip(made.graph.input, ([1, 6, 6, 6], [12, 12]), strict=True):
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, 1, shape))
    assert found(made, tmp_path) == []
    side = 6 if after[0].input[0] == "k" else 12
    assert only(model(nodes, tensors | {"k": normal(side, side)}), tmp_path).stride == (1, 2)


def test_windows_that_overlap_are_no_pixels(tmp_path: Path) -> None:
    """Keys and values of overlapping windows, as torch.nn.Unfold cuts them, are only multiplied."""
    windows = np.arange(2)[:, None] * 8 + np.arange(12)
    tensors = {
        "w": normal(6, 6, 1, 1), "around": np.array([0, 0, 2, 2, 0, 0, 2, 2]), "windows": windows,
        "columns": np.array([1, 6 * 144, 4]), "halves": np.array([2, 3, 12, 12, 4]),
        "tokens": np.array([2, 4, 144, 3]), "0": np.array(0), "1": np.array(1),
    }  # fmt: skip
    nodes = [
        node("Conv", "x w", "f"), node("Pad", "f around", "p"),
        node("Gather", "p windows", "r", axis=2), node("Gather", "r windows", "g", axis=4),
        node("Transpose", "g", "u", perm=[0, 1, 3, 5, 2, 4]), node("Reshape", "u columns", "l"),
        node("Reshape", "l halves", "h"), node("Transpose", "h", "n", perm=[0, 4, 2, 3, 1]),
        node("Reshape", "n tokens", "kv"), node("Gather", "kv 0", "k"), node("Gather", "kv 1", "v"),
        node("Transpose", "k", "t", perm=[0, 2, 1]), node("MatMul", "q t", "scores"),
        node("Softmax", "scores", "shares"), node("MatMul", "shares v", "y"),
    ]  # fmt: skip
    made = model(nodes, tensors, inputs=("x", "q"))
    for value, shape in zip(made.graph.input, ([1, 6, 16, 16], [4, 64, 3]), strict=True):
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, 1, shape))
    assert found(made, tmp_path) == []
