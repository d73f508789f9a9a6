"""Training of kernels by least squares: the taps that best turn shrunk pictures into originals.

Every output phase is a weighted sum of the same n x n input pixels, so all phases share one Gram
matrix G = E[x x^T]. A fit needs nothing else from the pictures but the cross moments b = E[x y]
of each phase. The requirements on a kernel (symmetric, balanced, exact on ramps, a
resize-convolution) are linear in its free parameters f: taps = S f with C f = d. The best f
minimises f'S'GSf - 2 f'S'b among those with C f = d. A separable kernel is fitted axis by axis.

Noise of sigma levels that is expected in pictures to enlarge adds sigma^2 to the diagonal of G.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.kernels.kernel import Taps

BALANCES = ("flat", "ramp", "none")
_CHUNK = 1 << 15  # patches at once
_ROUNDS = 30  # iterations of the separable fit; ten reach an accuracy of 1e-6


@dataclass(frozen=True, slots=True)
class Structure:
    """The requirements on a kernel.

    Args:
        method: `tconv` or `resize-conv`; the latter convolves its free taps with a box (nearest).
        separable: Whether it is the outer product of the same taps along both axes.
        balance: `flat` (equal phase sums), `ramp` (equal first moments too) or `none`.
    """

    method: str = "tconv"
    separable: bool = True
    balance: str = "ramp"


class Moments:
    """The sums over pairs of shrunk and original pictures that a fit needs.

    Args:
        stride: Original pixels per shrunk pixel along an axis, s.
        taps: Shrunk pixels along an axis that each phase draws on, n; odd.
    """

    def __init__(self, stride: int, taps: int) -> None:
        self.stride, self.taps, self.count = stride, taps, 0
        self.gram, self.cross = np.zeros((taps**2, taps**2)), np.zeros((taps**2, stride**2))

    def add(self, low: Taps, high: Taps, samples: int, rng: np.random.Generator) -> None:
        """Add patches of a pair of pictures, at random places.

        Args:
            low: Shape (h, w), the shrunk picture in levels.
            high: Shape (h s, w s), its original.
            samples: The most patches to add.
            rng: Chooses the places.
        """
        s, n, reach = self.stride, self.taps, self.taps // 2
        patches = sliding_window_view(low, (n, n))
        cells = high.reshape(low.shape[0], s, low.shape[1], s).transpose(0, 2, 1, 3)
        rows, columns = patches.shape[:2]
        chosen = np.sort(rng.permutation(rows * columns)[:samples])
        for start in range(0, len(chosen), _CHUNK):
            i, j = np.divmod(chosen[start : start + _CHUNK], columns)
            x = patches[i, j].reshape(len(i), -1)
            y = cells[i + reach, j + reach].reshape(len(i), -1)
            self.gram += x.T @ x
            self.cross += x.T @ y
        self.count += len(chosen)

    @property
    def variance(self) -> float:
        """The mean variance of the pixels within a patch, in levels squared."""
        pixels = self.taps**2
        spread = np.trace(self.gram) / pixels - self.gram.sum() / pixels**2
        return float(spread / max(1, self.count))


def fit(moments: Moments, structure: Structure, noise: float) -> Taps:
    """Return the best taps of the transposed convolution, or of the convolution after resizing.

    Args:
        moments: Sums over pairs of pictures, in levels.
        structure: The requirements on the kernel.
        noise: Standard deviation of the noise expected in pictures to enlarge, in levels.

    Returns:
        Shape (k,), the same along both axes, if separable, else (k, k); k is s n for tconv and
        (n - 1) s + 1 for resize-conv.
    """
    n, s = moments.taps, moments.stride
    gram = moments.gram / moments.count + noise**2 * np.eye(n * n)
    cross = (moments.cross / moments.count).reshape(n, n, s, s)
    if structure.separable:
        return _fit_separable(gram.reshape(n, n, n, n), cross, structure)
    return _fit_full(gram, cross, structure)


def _fit_separable(gram: Taps, cross: Taps, structure: Structure) -> Taps:
    """Return the free taps along an axis of the best separable kernel.

    With the taps along one axis fixed, finding the taps along the other is a linear problem.
    """
    n, s = cross.shape[0], cross.shape[2]
    expansion, phases = _expansion(structure, s, n), _phase_taps(s, n)
    half = _fold(expansion.shape[1])
    basis = expansion @ np.eye(half.max() + 1)[half]
    parts = basis[phases]
    wanted = _conditions(structure.balance, s, n)
    conditions = np.array([weights @ parts for weights, _ in wanted]).reshape(-1, basis.shape[1])
    goals = np.array([goal for _, goal in wanted]).ravel()
    # The kernel has the same taps along both axes, so their moments are averaged.
    gram = (gram + gram.transpose(1, 0, 3, 2)) / 2
    cross = (cross + cross.transpose(1, 0, 3, 2)) / 2
    triangle = np.maximum(0.0, 1.0 - np.abs(np.arange(s * n) - (s * n - 1) / 2) / s)
    free = np.linalg.lstsq(basis, triangle, rcond=None)[0]
    for _ in range(_ROUNDS):
        other = (basis @ free)[phases]
        matrix = np.einsum("av,uvxy,ay->ux", other, gram, other, optimize=True)
        target = np.einsum("bv,uvab->au", other, cross)
        normal = sum(part.T @ matrix @ part for part in parts)
        right = sum(part.T @ goal for part, goal in zip(parts, target, strict=True))
        free = (free + _constrained_minimum(normal, right, conditions, goals)) / 2
    return np.asarray(free[half])


def _fit_full(gram: Taps, cross: Taps, structure: Structure) -> Taps:
    """Return the free taps of the best kernel that need not be separable."""
    n, s = cross.shape[0], cross.shape[2]
    expansion, phases = _expansion(structure, s, n), _phase_taps(s, n)
    orbits = _orbits(expansion.shape[1])
    count = orbits.max() + 1
    # For each free parameter, the kernel whose taps depend on it: shape (s n, s n, count).
    spread = np.zeros((s * n, s * n, count))
    for orbit in range(count):
        spread[..., orbit] = expansion @ (orbits == orbit) @ expansion.T
    normal, right = np.zeros((count, count)), np.zeros(count)
    conditions, goals = [], []
    for a, b in np.ndindex(s, s):
        part = spread[phases[a][:, None], phases[b]].reshape(n * n, count)
        normal += part.T @ gram @ part
        right += part.T @ cross[:, :, a, b].ravel()
        for weights, goal in _conditions(structure.balance, s, n):
            conditions.append(np.repeat(weights, n) @ part)
            goals.append(goal[a])
    rows = np.array(conditions).reshape(-1, count)
    return np.asarray(_constrained_minimum(normal, right, rows, np.array(goals))[orbits])


def _expansion(structure: Structure, s: int, n: int) -> Taps:
    """Return the matrix from free taps along an axis to the transposed convolution's taps."""
    if structure.method == "tconv":
        return np.eye(s * n)
    length = (n - 1) * s + 1
    return np.asarray(sum(np.eye(s * n, length, -a) for a in range(s)))


def _phase_taps(s: int, n: int) -> NDArray[np.int64]:
    """Return the indices of the taps that weigh the n inputs of each phase, shape (s, n)."""
    return s * (n - 1 - np.arange(n)) + np.arange(s)[:, None]


def _conditions(balance: str, s: int, n: int) -> list[tuple[Taps, Taps]]:
    """Return conditions: weights of a phase's n taps, and the required weighted sum per phase."""
    sums_and_moments: list[tuple[Taps, Taps]] = [
        (np.ones(n), np.ones(s)),
        (np.arange(n, dtype=np.float64) - n // 2, (np.arange(s) + 0.5) / s - 0.5),
    ]
    return sums_and_moments[: {"none": 0, "flat": 1, "ramp": 2}[balance]]


def _constrained_minimum(normal: Taps, right: Taps, conditions: Taps, goals: Taps) -> Taps:
    """Return the f that minimises f'Nf - 2 f'r under C f = d; rows of C may be dependent.

    A special solution meets the conditions exactly; the minimum is then found in their null space.
    """
    if not len(conditions):
        return np.asarray(np.linalg.lstsq(normal, right, rcond=None)[0])
    left, weights, directions = np.linalg.svd(conditions)
    rank = int((weights > 1e-10 * weights[0]).sum())
    special = directions[:rank].T @ ((left.T @ goals)[:rank] / weights[:rank])
    null = directions[rank:].T
    target = null.T @ (right - normal @ special)
    free = np.linalg.lstsq(null.T @ normal @ null, target, rcond=None)[0]
    return np.asarray(special + null @ free)


def _fold(length: int) -> NDArray[np.int64]:
    """Number the taps along an axis from both ends, so that a flip keeps their numbers."""
    return np.minimum(np.arange(length), np.arange(length)[::-1])


def _orbits(length: int) -> NDArray[Any]:
    """Number the taps of a square kernel so that flips and quarter turns keep their numbers."""
    low, high = (pick.outer(_fold(length), _fold(length)) for pick in (np.minimum, np.maximum))
    numbers = np.unique(low * length + high, return_inverse=True)[1]
    return np.asarray(numbers.reshape(length, length))
