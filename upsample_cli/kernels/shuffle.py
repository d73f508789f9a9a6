"""Sub-pixel convolution's last step: channels become the pixels of a cell."""

from typing import Any

from numpy.typing import NDArray

from upsample_cli.errors import SettingError


def pixel_shuffle(input: NDArray[Any], upscale_factor: int) -> NDArray[Any]:
    """Return maps with each run of r x r channels laid out as the pixels of a cell.

    Args:
        input: Shape (..., C r^2, H, W), any type.
        upscale_factor: r, output pixels per input pixel, 1 or more.

    Returns:
        Shape (..., C, H r, W r); channel c r^2 + i r + j is phase (i, j) of channel c.

    Raises:
        SettingError: The channels do not divide.

    Source: W. Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", CVPR 2016; torch.nn.functional.pixel_shuffle.

    >>> import numpy as np
    >>> pixel_shuffle(np.arange(4).reshape(4, 1, 1), 2).tolist()
    [[[0, 1], [2, 3]]]
    """
    r = upscale_factor
    if r < 1 or input.ndim < 3 or input.shape[-3] % r**2:
        raise SettingError(
            f"maps {input.shape} cannot be shuffled by {r}; give (..., C, H, W), C a multiple of "
            "the factor's square"
        )
    *batch, channels, height, width = input.shape
    cells = input.reshape(*batch, channels // r**2, r, r, height, width)
    order = (*range(len(batch) + 1), -2, -4, -1, -3)
    return cells.transpose(order).reshape(*batch, channels // r**2, height * r, width * r)
