"""The network as PyTorch trains it: each convolution beside a wider one that collapses into it.

A convolution W is trained as W + B A, where A makes many features by its taps and B mixes them
down. Both are linear, so their sum is one convolution of the size of W: the width helps the
training and costs nothing afterwards. The head's taps are trained less their mean, so that they sum
to 0 for each phase and feature at every step.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from upsample_cli.kernels.network_weights import LEAK, Convolution, ResidualNetwork

_SIZES = (5, 3, 3, 3, 3)  # of the taps of each layer of the body
_FEATURES, _WIDE = 32, 128


class Wide(nn.Module):
    """A convolution beside a wider one, which begins with 0."""

    def __init__(self, layer: Convolution) -> None:
        super().__init__()
        self.direct = nn.Parameter(torch.from_numpy(layer.weights.copy()))
        self.taps = nn.Parameter(torch.empty(_WIDE, *layer.weights.shape[1:]))
        self.mix = nn.Parameter(torch.zeros(len(layer.bias), _WIDE))
        self.bias = nn.Parameter(torch.from_numpy(layer.bias.copy()))
        nn.init.kaiming_normal_(self.taps)

    def collapsed(self) -> Tensor:
        """Return the weights of the one convolution that both amount to."""
        return self.direct + (self.mix @ self.taps.flatten(1)).view_as(self.direct)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's features, without the pixels that its taps do not reach."""
        return functional.leaky_relu(functional.conv2d(x, self.collapsed(), self.bias), LEAK)


class Model(nn.Module):
    """A network that is trained, beginning with one that is given."""

    def __init__(self, network: ResidualNetwork) -> None:
        super().__init__()
        self.body = nn.Sequential(*map(Wide, network.body))
        self.head = nn.Parameter(torch.from_numpy(network.head.copy()))

    def forward(self, x: Tensor) -> Tensor:
        """Return what is added to the linear enlargement, by phase, without the halo.

        Args:
            x: Shape (N, 1, H, W), luma less 1/2.
        """
        return functional.conv2d(self.body(x), self._balanced())

    def _balanced(self) -> Tensor:
        """Return the head's taps, which sum to 0 for each phase and feature."""
        return self.head - self.head.mean((2, 3), keepdim=True)

    @torch.no_grad()
    def network(self) -> ResidualNetwork:
        """Return the network as it runs."""
        layers = (layer for layer in self.body if isinstance(layer, Wide))
        body = [Convolution(one.collapsed().numpy(), one.bias.numpy().copy()) for one in layers]
        return ResidualNetwork(tuple(body), self._balanced().numpy())


def untrained(stride: int, rng: np.random.Generator) -> ResidualNetwork:
    """Return a network of random features whose head adds nothing."""
    body, before = [], 1
    for size in _SIZES:
        spread = np.sqrt(2 / (before * size**2 * (1 + LEAK**2)))
        weights = spread * rng.standard_normal((_FEATURES, before, size, size))
        if before == _FEATURES:  # half of what each layer passes on is what it was given
            weights *= 0.5
            weights[range(before), range(before), 1, 1] += 0.5
        body.append(Convolution(np.asarray(weights, np.float32), np.zeros(_FEATURES, np.float32)))
        before = _FEATURES
    return ResidualNetwork(tuple(body), np.zeros((stride**2, _FEATURES, 3, 3), np.float32))
