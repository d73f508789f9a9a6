"""Sparse tensors of ONNX models: numbers, and the places where they stand among zeros."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, SparseTensorProto
from onnx.numpy_helper import to_array


def sparse_value(node: NodeProto) -> SparseTensorProto | None:
    """Return the sparse tensor that a Constant makes; None if it makes none.

    Args:
        node: Any.
    """
    for each in node.attribute:
        if node.op_type == "Constant" and each.name == "sparse_value":
            tensor: SparseTensorProto = each.sparse_tensor
            return tensor
    return None


def dense(tensor: SparseTensorProto) -> NDArray[Any]:
    """Return a sparse tensor with its zeros.

    Args:
        tensor: Its places are numbers along each axis, or one along all.

    Raises:
        ValueError: Places and numbers do not fit.
        IndexError: A place lies beyond the tensor.
    """
    values, places = to_array(tensor.values).reshape(-1), to_array(tensor.indices)
    if places.ndim == 2:
        places = np.ravel_multi_index(tuple(places.T), tuple(tensor.dims))
    if places.shape != values.shape or places.min(initial=0) < 0:
        raise ValueError("the places of a sparse tensor are damaged")
    whole = np.zeros(prod(tensor.dims), values.dtype)
    whole[places] = values
    return whole.reshape(tuple(tensor.dims))
