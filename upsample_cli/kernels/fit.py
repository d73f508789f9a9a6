"""Kernels by least squares: the taps that bring shrunk pictures nearest to their originals.

Every output phase is a weighting of the same n x n input pixels, so all phases share one Gram
matrix G = E[x x^T]; with the cross moments b = E[x y] of each phase nothing else of the pictures is
kept. What a kernel has to be - symmetric, separable, balanced, exact on ramps, a
resize-convolution - is linear in its free parameters f: taps = S f with C f = d. The best f solves
one small system (Karush-Kuhn-Tucker):

    | S'GS  C' | | f |   | S'b |
    |  C    0  | | m | = |  d  |

Noise of sigma levels in the pictures to come is sigma^2 more on the diagonal of G.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.kernel import Taps
from upsample_cli.kernels.moments import Moments

BALANCES = ("flat", "ramp", "none")
_ROUNDS = 30  # of alternation between the axes; ten are enough to 1e-6


@dataclass(frozen=True, slots=True)
class Structure:
    """What a kernel has to be.

    Args:
        method: `tconv` or `resize-conv`; the latter's taps are a free kernel over a box.
        separable: Whether it is a product of the same taps along both axes.
        balance: `flat` (equal phase sums), `ramp` (equal first moments too) or `none`.
    """

    method: str = "tconv"
    separable: bool = True
    balance: str = "ramp"


def fit(moments: Moments, structure: Structure, noise: float) -> Taps:
    """Return the best taps of the transposed convolution, or of the convolution after resizing.

    Args:
        moments: Of pairs of pictures, in levels.
        structure: What the kernel has to be.
        noise: Expected in the pictures to be enlarged, levels.

    Returns:
        Shape (k,), the same along both axes, if separable, else (k, k); k is s n for tconv and
        (n - 1) s + 1 for resize-conv.
    """
    n, s = moments.taps, moments.stride
    gram = moments.gram / moments.count + noise**2 * np.eye(n * n)
    cross = (moments.cross / moments.count).reshape(n, n, s, s)
    if structure.separable:
        return _alternated(gram.reshape(n, n, n, n), cross, structure)
    return _full(gram, cross, structure)


def _expansion(structure: Structure, s: int, n: int) -> Taps:
    """Return the matrix from free taps along an axis to those of the transposed convolution."""
    if structure.method == "tconv":
        return np.eye(s * n)
    length = (n - 1) * s + 1
    matrix = np.zeros((s * n, length))
    for tap in range(length):
        matrix[tap : tap + s, tap] = 1.0
    return matrix


def _alternated(gram: Taps, cross: Taps, structure: Structure) -> Taps:
    """Return the free taps along an axis of the best separable kernel.

    With the taps along one axis fixed, those along the other are a linear problem.
    """
    n, s = cross.shape[0], cross.shape[2]
    expansion = _expansion(structure, s, n)
    symmetric = _symmetric(expansion.shape[1])
    basis = expansion @ symmetric
    conditions, goals = _conditions(structure.balance, s, n)
    # Both axes and both directions of the pictures are alike.
    gram = (gram + gram.transpose(1, 0, 3, 2)) / 2
    cross = (cross + cross.transpose(1, 0, 3, 2)) / 2
    phases = _phases(s, n)
    free = np.linalg.lstsq(basis, _bilinear(s, n), rcond=None)[0]
    for _ in range(_ROUNDS):
        other = (basis @ free)[phases]
        matrix = np.einsum("av,uvxy,ay->ux", other, gram, other, optimize=True)
        target = np.einsum("bv,uvab->au", other, cross)
        selected = [basis[phase] for phase in phases]
        normal = sum(part.T @ matrix @ part for part in selected)
        right = sum(part.T @ each for part, each in zip(selected, target, strict=True))
        fresh = _solved(normal, right, conditions @ basis, goals)
        free = (free + fresh) / 2
    return np.asarray(symmetric @ free)


def _full(gram: Taps, cross: Taps, structure: Structure) -> Taps:
    """Return the free taps of the best kernel that is no product."""
    n, s = cross.shape[0], cross.shape[2]
    expansion = _expansion(structure, s, n)
    length = expansion.shape[1]
    orbits = _orbits(length)
    count = orbits.max() + 1
    # The taps that each free parameter stands for, spread over the kernel: (k, k, free).
    spread = np.zeros((s * n, s * n, count))
    for each in range(count):
        spread[..., each] = expansion @ (orbits == each) @ expansion.T
    phases = _phases(s, n)
    normal, right = np.zeros((count, count)), np.zeros(count)
    rows, goals = [], []
    conditions, targets = _conditions(structure.balance, s, n)
    offsets = np.arange(n) - n // 2
    for a in range(s):
        for b in range(s):
            part = spread[phases[a][:, None], phases[b]].reshape(n * n, count)
            normal += part.T @ gram @ part
            right += part.T @ cross[:, :, a, b].ravel()
            if len(conditions):
                rows.append(part.sum(axis=0))
                goals.append(1.0)
            if len(conditions) > s:
                down = np.repeat(offsets, n)
                rows.append(down @ part)
                goals.append(targets[s + a])
    free = _solved(normal, right, np.array(rows).reshape(-1, count), np.array(goals))
    return np.asarray(free[orbits])


def _phases(s: int, n: int) -> NDArray[np.int64]:
    """Return which tap each phase weighs each of its n inputs with, shape (s, n)."""
    return s * (n - 1 - np.arange(n)) + np.arange(s)[:, None]


def _conditions(balance: str, s: int, n: int) -> tuple[Taps, Taps]:
    """Return C and d of C taps = d along an axis: phase sums, then first moments."""
    if balance == "none":
        return np.zeros((0, s * n)), np.zeros(0)
    phases = _phases(s, n)
    sums, moments = np.zeros((2, s, s * n))
    for a in range(s):
        sums[a, phases[a]] = 1.0
        moments[a, phases[a]] = np.arange(n) - n // 2
    centres = (np.arange(s) + 0.5) / s - 0.5
    if balance == "flat":
        return sums, np.ones(s)
    return np.concatenate([sums, moments]), np.concatenate([np.ones(s), centres])


def _solved(normal: Taps, right: Taps, conditions: Taps, goals: Taps) -> Taps:
    """Return the minimiser of f'Nf - 2 f'r under C f = d; conditions may say a thing twice.

    The conditions are met first, exactly; what freedom they leave is spent on the minimum.
    """
    if not len(conditions):
        return np.asarray(np.linalg.lstsq(normal, right, rcond=None)[0])
    left, weights, directions = np.linalg.svd(conditions)
    rank = int((weights > 1e-10 * weights[0]).sum())
    special = directions[:rank].T @ ((left.T @ goals)[:rank] / weights[:rank])
    null = directions[rank:].T
    rest = np.linalg.lstsq(null.T @ normal @ null, null.T @ (right - normal @ special), rcond=None)
    return np.asarray(special + null @ rest[0])


def _symmetric(length: int) -> Taps:
    """Return the matrix from one half of symmetric taps to all of them."""
    half = (length + 1) // 2
    matrix = np.zeros((length, half))
    matrix[np.arange(length), np.minimum(np.arange(length), length - 1 - np.arange(length))] = 1.0
    return matrix


def _orbits(length: int) -> NDArray[Any]:
    """Number the taps of a square so that flips and quarter turns keep the number."""
    fold = np.minimum(np.arange(length), length - 1 - np.arange(length))
    low, high = np.minimum.outer(fold, fold), np.maximum.outer(fold, fold)
    numbers = np.unique(low * length + high, return_inverse=True)[1]
    return np.asarray(numbers.reshape(length, length))


def _bilinear(s: int, n: int) -> Taps:
    """Return the taps of the triangle, where the alternation starts."""
    distance = np.abs(np.arange(s * n) - (s * n - 1) / 2) / s
    return np.asarray(np.maximum(0.0, 1.0 - distance))
