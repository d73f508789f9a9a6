"""The product of a small matrix and a long one, in blocks that one thread takes each.

BLAS shares a large product among threads that wait for each other by spinning: with anything else
at work on the machine that can take ten times as long. Products below its limit stay on the
caller's thread, and in blocks that fit the cache they are as fast.

Source: OpenBLAS, interface/gemm.c: one thread where M N K <= 2**16 GEMM_MULTITHREAD_THRESHOLD (4).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
_ONE_THREAD = 1 << 18  # multiplications
_LEAST = 64  # columns: narrower blocks cost more than they save


def product(matrix: Matrix, long: Matrix) -> Matrix:
    """Return matrix @ long.

    Args:
        matrix: Shape (M, K).
        long: Shape (K, N), rows contiguous; N is the long side.

    Returns:
        Shape (M, N).
    """
    made: Matrix = np.empty((len(matrix), long.shape[1]), np.result_type(matrix, long))
    block = _ONE_THREAD // max(1, matrix.size)
    if block < _LEAST:  # so much to do that threads are worth it
        return np.asarray(np.matmul(matrix, long, out=made))
    whole = long.shape[1] // block * block
    blocks, out = (each[:, :whole].reshape(len(each), -1, block) for each in (long, made))
    np.matmul(matrix, blocks.swapaxes(0, 1), out=out.swapaxes(0, 1))
    np.matmul(matrix, long[:, whole:], out=made[:, whole:])
    return made
