"""A network as PyTorch trains it, and the networks that training can begin with.

Each convolution W is trained as W + B A: the convolution A computes many features, and B mixes them
down. Both summands are linear, so their sum is one convolution of the size of W: the extra features
help training and cost nothing afterwards. The mean of the head's taps is subtracted at every step,
so that they sum to 0 for each phase and feature.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from upsample_cli.kernels.network_weights import LEAK, Convolution, ResidualNetwork

_FIRST_SIZE, _SIZE = 5, 3  # taps along each axis of the first layer, and of the others
_FEATURES, _WIDE = 32, 128  # features of a layer W of the body, and of its A


class Wide(nn.Module):
    """A convolution W plus a wider one, B A, which is 0 before training."""

    def __init__(self, layer: Convolution) -> None:
        super().__init__()
        self.direct = nn.Parameter(torch.from_numpy(layer.weights.copy()))
        self.taps = nn.Parameter(torch.empty(_WIDE, *layer.weights.shape[1:]))
        self.mix = nn.Parameter(torch.zeros(len(layer.bias), _WIDE))
        self.bias = nn.Parameter(torch.from_numpy(layer.bias.copy()))
        nn.init.kaiming_normal_(self.taps)

    def collapsed(self) -> Tensor:
        """Return the weights of the one convolution that is the sum of both."""
        return self.direct + (self.mix @ self.taps.flatten(1)).view_as(self.direct)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's features; without padding they are smaller than `x`."""
        return functional.leaky_relu(functional.conv2d(x, self.collapsed(), self.bias), LEAK)


class Model(nn.Module):
    """A network to train, beginning with a given one."""

    def __init__(self, network: ResidualNetwork) -> None:
        super().__init__()
        self.body = nn.Sequential(*map(Wide, network.body))
        self.head = nn.Parameter(torch.from_numpy(network.head.copy()))

    def forward(self, x: Tensor) -> Tensor:
        """Return what to add to the enlarged luma, by phase; `x` is luma less 1/2 with its halo."""
        return functional.conv2d(self.body(x), self._balanced())

    def _balanced(self) -> Tensor:
        """Return the head's taps less their mean, so that they sum to 0 by phase and feature."""
        return self.head - self.head.mean((2, 3), keepdim=True)

    @torch.no_grad()
    def network(self) -> ResidualNetwork:
        """Return the network in the form that runs without PyTorch."""
        layers = (layer for layer in self.body if isinstance(layer, Wide))
        body = [Convolution(wide.collapsed().numpy(), wide.bias.numpy().copy()) for wide in layers]
        return ResidualNetwork(tuple(body), self._balanced().numpy())


def untrained(stride: int, layers: int, rng: np.random.Generator) -> ResidualNetwork:
    """Return a network of random features whose head adds nothing."""
    first = _random(_FEATURES, 1, _FIRST_SIZE, rng)
    head = np.zeros((stride**2, _FEATURES, _SIZE, _SIZE), np.float32)
    return deepened(ResidualNetwork((first,), head), layers, 0.5, rng)


def deepened(
    network: ResidualNetwork, layers: int, kept: float, rng: np.random.Generator
) -> ResidualNetwork:
    """Return a network with more layers at the end of its body.

    Args:
        network: What to begin with.
        layers: Layers of the body, in all.
        kept: Share of its input that each new layer passes on unchanged, 0..1; the rest is random.
        rng: Makes the random choices.
    """
    body, count = list(network.body), len(network.body[-1].bias)
    while len(body) < layers:
        weights = (1 - kept) * _random(count, count, _SIZE, rng).weights
        weights[range(count), range(count), 1, 1] += kept
        body.append(Convolution(weights, np.zeros(count, np.float32)))
    return network._replace(body=tuple(body))


def _random(features: int, inputs: int, size: int, rng: np.random.Generator) -> Convolution:
    """Return a random layer that keeps the power of its input."""
    spread = np.sqrt(2 / (inputs * size**2 * (1 + LEAK**2)))
    weights = spread * rng.standard_normal((features, inputs, size, size))
    return Convolution(np.asarray(weights, np.float32), np.zeros(features, np.float32))
