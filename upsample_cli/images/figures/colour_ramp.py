"""Colours for numbers: from dark through violet and orange to light, ever brighter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Brightness grows evenly, so that the ramp reads the same to the colour-blind and in grey.
_STOPS = np.array(
    [(6, 4, 20), (68, 22, 110), (150, 40, 110), (224, 88, 62), (250, 164, 36), (252, 252, 180)]
)


def colours(shares: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the colours of shares.

    Args:
        shares: Any shape, 0..1; what is beyond counts as the end.

    Returns:
        The same shape and (3,): red, green, blue in levels of 0..255.
    """
    places = np.clip(shares, 0.0, 1.0) * (len(_STOPS) - 1)
    stops = np.arange(len(_STOPS))
    return np.stack([np.interp(places, stops, _STOPS[:, each]) for each in range(3)], axis=-1)
