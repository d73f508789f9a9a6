"""What to feed a network in a trial run: for one choice of sizes after the other."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np
from onnx import TensorProto, ValueInfoProto
from onnx.helper import tensor_dtype_to_np_dtype

from upsample_cli.networks.model_graph import Array, Network

_SIZES = ((64, 96), (64, 64), (32, 32), (128, 128), (224, 224), (256, 256), (512, 512),
          (16, 16), (12, 12), (8, 8))  # fmt: skip
_LARGE = 128  # pixels along an axis: a fixed size above is tried smaller first
_MOST_NUMBERS = 1 << 21  # of an input


def feeds(network: Network) -> Iterator[dict[str, Array]]:
    """Yield values of all inputs, for one choice of sizes after the other."""
    rng = np.random.default_rng(0)
    dims = {value.name: _dims(value) for value in network.inputs}
    ranks, channels = _guesses(network)
    fixed = any(known is not None and all(known) for known in dims.values())
    open_rank = any(known is None for known in dims.values())
    sizes: list[tuple[int, int] | None] = [*_SIZES, *_pairs(network)]
    if fixed:
        large = any(known and max(known, default=0) > _LARGE for known in dims.values())
        sizes = [*_SIZES[:2], None, *sizes] if large else [None, *sizes]
    seen = set()
    orders = (
        [(rank, last) for last in (False, True) for rank in ranks] if open_rank else [(4, False)]
    )
    for (rank, last), size, count in product(orders, sizes, channels):
        shapes = {
            name: tuple(_shape(known, size, count, rank, last)) for name, known in dims.items()
        }
        key = tuple(shapes.values())
        if key in seen or (size and any(prod(shape) > _MOST_NUMBERS for shape in key)):
            continue
        seen.add(key)
        yield {
            value.name: _value(kind_of(value), shapes[value.name], rng) for value in network.inputs
        }


def kind_of(value: ValueInfoProto) -> int:
    """Return the type of an input; half floats and whole numbers of 8 bits become floats."""
    kind = int(value.type.tensor_type.elem_type)
    keep = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
    return kind if kind in keep else int(TensorProto.FLOAT)


def _dims(value: ValueInfoProto) -> list[int] | None:
    """Return the lengths of an input's axes, 0 where they are open; None if all is."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return [max(0, dim.dim_value) for dim in kind.shape.dim]


def _shape(
    dims: list[int] | None, size: tuple[int, int] | None, channels: int, rank: int, last: bool
) -> list[int]:
    """Return the shape of an input for a size of the picture; None leaves fixed sizes alone."""
    if dims is None:
        dims = [0] * (rank - last) + [channels] * last
    if len(dims) < 3:
        return [length or 1 for length in dims]
    last |= len(dims) == 4 and 0 < dims[3] <= 4 < max(dims[1], 5)  # channels come last
    places = list(range(1, len(dims) - 1)) if last else list(range(2, len(dims)))
    lengths = dict(zip(places, [*(size or ()), *(size or ())[-1:]] or [0] * 3, strict=False))
    result = []
    for place, length in enumerate(dims):
        target = lengths.get(place, 0)
        if place in lengths and target and (not length or length > _LARGE):
            result.append(target)
        elif length:
            result.append(length)
        else:
            result.append(1 if place == 0 else _SIZES[1][0] if place in lengths else channels)
    return result


def _value(kind: int, shape: Sequence[int], rng: np.random.Generator) -> Array:
    if kind == TensorProto.FLOAT:
        return rng.random(shape, np.float32)
    return np.ones(shape, tensor_dtype_to_np_dtype(kind))


def _guesses(network: Network) -> tuple[list[int], list[int]]:
    """Return likely numbers of axes and of channels of inputs that do not say them."""
    ranks, channels = [], []
    for node in network.nodes:
        weights = next((network.constants[name] for name in node.input[1:2]
                        if name in network.constants), None)  # fmt: skip
        if weights is None or weights.ndim < 2 or weights.dtype != np.float32:
            continue
        if "Conv" in node.op_type:
            group = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
            turned = "Transpose" in node.op_type
            ranks.append(weights.ndim)
            channels.append(weights.shape[0] if turned else weights.shape[1] * max(1, group))
        else:
            channels.extend(weights.shape[:2])
    likely = [count for count in dict.fromkeys([*channels, 3, 1, 2, 4]) if 0 < count <= 4096]
    return list(dict.fromkeys([*ranks, 4, 3, 5])), likely[:6]


def _pairs(network: Network) -> list[tuple[int, int]]:
    """Return sizes that constants of shapes name."""
    lengths: dict[int, None] = {}
    for array in network.constants.values():
        if array.dtype == np.int64 and array.size <= 8:
            lengths.update(dict.fromkeys(int(n) for n in array.ravel() if 2 < n <= 512))
    parts = [n // part for part in (1, 2, 3, 4) for n in lengths if n % part == 0 and n > 2 * part]
    few = list(dict.fromkeys(parts))[:8]
    return [(n, n) for n in few] + [(a, b) for a in few for b in few if a != b]
