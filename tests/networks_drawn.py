"""Networks of random weights, and the slow and plain way to run one."""

import numpy as np
from numpy.typing import NDArray

from upsample_cli.kernels.convolve import conv2d, pixel_shuffle
from upsample_cli.kernels.network_weights import (
    LEAK,
    Convolution,
    ResidualNetwork,
)


def drawn(
    seed: int, stride: int = 2, count: int = 4, size: int = 5, layers: int = 3
) -> ResidualNetwork:
    """Return a network of random weights, biases too, whose head's taps sum to 0."""
    rng = np.random.default_rng(seed)

    def array(*shape: int) -> NDArray[np.float32]:
        spread = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.2
        return np.asarray(spread * rng.standard_normal(shape), np.float32)

    body = [Convolution(array(count, 1, size, size), array(count))]
    body += [Convolution(array(count, count, 3, 3), array(count)) for _ in range(layers)]
    phases = array(stride**2, count, 3, 3)
    return ResidualNetwork(tuple(body), phases - phases.mean((2, 3), keepdims=True))


def residual(network: ResidualNetwork, luma: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what a network adds to luma, layer by layer, in double precision."""
    maps = luma[None, None].astype(np.float64) - 0.5
    for weights, bias in network.body:
        maps = conv2d(maps, weights.astype(np.float64), bias.astype(np.float64))
        maps = np.where(maps < 0, LEAK * maps, maps)
    return np.asarray(
        pixel_shuffle(conv2d(maps, network.head.astype(np.float64)), network.stride)[0, 0]
    )


def unbalanced(network: ResidualNetwork) -> ResidualNetwork:
    """Return a network whose head's taps do not sum to 0."""
    return network._replace(head=network.head + np.float32(0.01))
