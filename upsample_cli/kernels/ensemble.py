"""The mean of what is made of a picture turned and mirrored in eight ways, each undone."""

from collections.abc import Callable

import numpy as np

from upsample_cli.planes import Planes


def eightfold(function: Callable[[Planes], Planes], planes: Planes) -> Planes:
    """Return the mean of what a function makes of planes, turned and mirrored in eight ways.

    Source: Timofte, Rothe, van Gool, "Seven ways to improve example-based single image super
    resolution" (CVPR 2016), enhanced prediction.

    Args:
        function: Of planes, shape (..., H, W), to planes that are larger by a whole factor.
        planes: Of a shape that it takes, also with height and width exchanged.

    >>> float(eightfold(lambda planes: planes, np.eye(2, dtype=np.float32))[0, 0])
    1.0
    """
    total: Planes | None = None
    for turns in range(4):
        turned = np.rot90(planes, turns, (-2, -1))
        for step in (1, -1):
            outcome = function(np.ascontiguousarray(turned[..., ::step]))[..., ::step]
            back = np.rot90(outcome, -turns, (-2, -1))
            total = back.copy() if total is None else total + back
    assert total is not None  # there are eight
    return total / np.float32(8)
