"""All that least squares keeps of pictures: moments of patches and of what they should become."""

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from upsample_cli.kernels.kernel import Taps

_CHUNK = 1 << 15  # patches at once


@dataclass(slots=True, eq=False)
class Moments:
    """What is kept of pairs of shrunk and original pictures.

    Args:
        stride: Original pixels per shrunk pixel along an axis, s.
        taps: Shrunk pixels along an axis that a phase draws on, n; odd.
    """

    stride: int
    taps: int
    gram: NDArray[np.float64] = field(init=False)
    cross: NDArray[np.float64] = field(init=False)
    count: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Begin with nothing seen."""
        self.gram = np.zeros((self.taps**2, self.taps**2))
        self.cross = np.zeros((self.taps**2, self.stride**2))

    def add(self, low: Taps, high: Taps, samples: int, rng: np.random.Generator) -> int:
        """Take in patches of a pair, at random places; return how many.

        Args:
            low: Shape (h, w), the shrunk picture in levels.
            high: Shape (h s, w s), its original.
            samples: How many at most.
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
        return len(chosen)

    @property
    def variance(self) -> float:
        """The mean variance of the pixels within a patch, in levels squared."""
        pixels = self.taps**2
        spread = np.trace(self.gram) / pixels - self.gram.sum() / pixels**2
        return float(spread / max(1, self.count))
