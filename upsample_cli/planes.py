"""Planes: the form of picture data everywhere between reading and writing.

Planes are a float array of shape (C, H, W) whose values run from 0 (black) to 1 (full scale):
float32 for pictures; every stage also takes float64, for exact figures.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Planes: TypeAlias = NDArray[np.floating[Any]]
Size: TypeAlias = tuple[int, int]
"""Height and width, in pixels."""
