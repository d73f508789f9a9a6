"""Shapes of inputs of models, which exporters say: here the first at which a small model runs."""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice, product
from math import inf, prod
from time import monotonic
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SIZES = ((64, 96), (64, 64), (32, 32), (16, 16), (12, 12), (8, 8))
MOST, SECONDS = 1 << 21, 9.0


def shaped(made: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model whose inputs, all of floats, have shapes; it stays as it is if they do."""
    result = onnx.ModelProto()
    result.CopyFrom(made)
    values = [each for each in result.graph.input if not each.type.tensor_type.HasField("shape")]
    if not values or len(values) < len(result.graph.input):
        return result
    probe = onnx.ModelProto()
    probe.CopyFrom(result)
    probe.ir_version = 10
    for number, each in enumerate(probe.graph.node):
        each.name = str(number)
    del probe.graph.output[:]  # some models name what they do not make
    probe.graph.output.add(name=probe.graph.node[-1].output[0])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    candidates = list(islice(_candidates(result), 2000))
    chosen, end = candidates[0], monotonic() + SECONDS
    numbers = [n for each in probe.graph.node for item in each.attribute for n in item.ints]
    candidates = candidates if max(numbers, default=0) < 100 else []  # hostile
    with suppress(Exception):  # of damaged models; onnxruntime's classes have no other base
        session = onnxruntime.InferenceSession(probe.SerializeToString(), options)
        furthest = -1.0
        for shape in candidates:
            reached = _reached(session, values, shape)
            if reached > furthest:
                furthest, chosen = reached, shape
            if reached == inf or monotonic() > end:
                break
    for value in values:
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, chosen))
    return result


def _reached(session: Any, values: list[onnx.ValueInfoProto], shape: tuple[int, ...]) -> float:
    """Return the number of the node that fails on inputs of a shape; infinity if none does."""
    try:
        session.run(None, {each.name: np.ones(shape, "f") for each in values})
    except Exception as error:  # as above
        number = re.search(r"Name:'(\d+)'", str(error))
        return float(number[1]) if number else -1.0
    return inf


def _candidates(made: onnx.ModelProto) -> Iterator[tuple[int, ...]]:
    """Yield likely shapes of an input."""
    constants = [numpy_helper.to_array(each) for each in made.graph.initializer if not
                 each.external_data and min(each.dims, default=0) >= 0]  # fmt: skip
    ranks, channels = _guesses(made)
    for last, rank, size, count in product((False, True), ranks, (*SIZES, *_pairs(constants)),
                                           channels):  # fmt: skip
        picture = (*size, size[1])[: rank - 2]
        shape = (1, *picture, count) if last else (1, count, *picture)
        if prod(shape) <= MOST:
            yield shape


def _guesses(made: onnx.ModelProto) -> tuple[list[int], list[int]]:
    """Return likely numbers of axes and of channels."""
    tensors = {each.name: each.dims for each in made.graph.initializer}
    ranks, channels = list[int](), list[int]()
    for each in made.graph.node:
        dims = next((tensors[name] for name in each.input[1:2] if name in tensors), ())
        if "Conv" in each.op_type and len(dims) > 1:
            group = next((item.i for item in each.attribute if item.name == "group"), 1)
            ranks.append(len(dims))
            channels.append(dims[0] if "Transpose" in each.op_type else dims[1] * max(1, group))
        elif len(dims) > 1:
            channels.extend(dims[:2])
    likely = [count for count in dict.fromkeys([*channels, 3, 1, 2, 4]) if 0 < count <= 4096]
    return list(dict.fromkeys([*ranks, 4, 3, 5])), likely[:6]


def _pairs(constants: list[Any]) -> list[tuple[int, int]]:
    """Return sizes that constants of shapes name."""
    numbers = [int(n) for array in constants if array.dtype == np.int64 and array.size <= 8
               for n in array.ravel() if 2 < n <= 512]  # fmt: skip
    parts = [n // part for part in (1, 2, 3, 4) for n in dict.fromkeys(numbers)
             if n % part == 0 and n > 2 * part]  # fmt: skip
    few = list(dict.fromkeys(parts))[:8]
    return [(n, n) for n in few] + [(a, b) for a in few for b in few if a != b]
