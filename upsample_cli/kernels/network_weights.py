"""The weights of a learned network, and the .npz file that holds them.

A network is a body of convolutions, each followed by a leaky rectifier, and a head: a transposed
convolution of stride s over the body's features, whose 3s x 3s taps are stored by output phase. A
file is a .npz of `format`, `method` (network), `layer0`, `bias0`, `layer1`, ..., `head` in float16,
and `about`, a JSON text on how the network was trained. Reading subtracts from the head's taps
their mean for each phase and feature, so that they sum to 0 despite the rounding to float16.
"""

import io
import os
from collections.abc import Mapping
from functools import lru_cache
from math import isqrt
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError, no_file
from upsample_cli.kernels.kernel_file import (
    FORMAT,
    MAX_FILE_BYTES,
    SHIPPED_STRIDES,
    read_arrays,
    shipped_path,
)
from upsample_cli.kernels.phases import without_rounding

Weights = NDArray[np.float32]

LEAK = 0.2
"""The factor of negative values in the leaky rectifier after each layer of the body."""

_PHASES = [stride**2 for stride in SHIPPED_STRIDES]  # those of the learned kernels
_LARGEST = 1e4  # absolute weight; sums of products of larger weights would overflow


class Convolution(NamedTuple):
    """A layer of the body: weights (Cout, Cin, k, k) and bias (Cout,)."""

    weights: Weights
    bias: Weights


class ResidualNetwork(NamedTuple):
    """The network of the method `network`; its output is added to the linear enlargement.

    Args:
        body: Convolutions: the first takes luma alone and has k x k taps, k odd; the others 3x3.
        head: Shape (s^2, C, 3, 3), the taps of each output phase of the transposed convolution.
        about: How it was trained, as JSON values.
    """

    body: tuple[Convolution, ...]
    head: Weights
    about: Mapping[str, Any] = MappingProxyType({})

    @property
    def stride(self) -> int:
        """Output pixels per input pixel."""
        return isqrt(len(self.head))

    @property
    def halo(self) -> int:
        """Input pixels that the network needs beyond each side of what it computes."""
        return 1 + sum(len(layer.weights[0, 0]) // 2 for layer in self.body)

    def phase_sums(self) -> NDArray[np.float64]:
        """Return the phase sums, shape (s, s), at the grey level where they are most uneven."""
        features = np.linspace(-0.5, 0.5, 256)[None]
        for weights, bias in self.body:
            features = weights.astype(np.float64).sum((2, 3)) @ features + bias[:, None]
            features = np.maximum(features, LEAK * features)
        head = self.head.astype(np.float64)
        added = without_rounding(head.sum((2, 3)), np.abs(head).sum((2, 3))) @ features
        worst = 1 + added[:, np.ptp(added, axis=0).argmax()]
        return np.asarray(worst.reshape(self.stride, self.stride))

    def to_bytes(self) -> bytes:
        """Return the bytes of the .npz file, the same on every call."""
        import json

        arrays: dict[str, Any] = {"format": FORMAT, "method": "network"}
        for number, (weights, bias) in enumerate(self.body):
            arrays |= {f"layer{number}": np.float16(weights), f"bias{number}": np.float16(bias)}
        arrays |= {"head": np.float16(self.head), "about": json.dumps(dict(self.about))}
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()


def load_network(weights: str, stride: int = 2) -> ResidualNetwork:
    """Return the network of a name or a file, cached until the file changes.

    Args:
        weights: `photo` or `clean`, or the path of a .npz.
        stride: The stride of a network by name; a .npz has its own.

    Raises:
        SettingError: The file is missing, is not a network, has another format version, or its
            arrays have wrong shapes or hold NaN.
    """
    path = weights if "." in weights else shipped_path("network", weights, stride)
    try:
        state = os.stat(path)
    except (OSError, ValueError) as error:
        if path != weights:
            raise SettingError(
                f"no weights '{weights}'; choose photo, clean or a .npz file"
            ) from error
        raise SettingError(no_file("weights", path)) from error
    return _load(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _load(path: str, modified: int, length: int) -> ResidualNetwork:
    """Return the network of a file; `modified` and `length` only serve as cache keys."""
    arrays = read_arrays(path, MAX_FILE_BYTES)
    if isinstance(arrays, np.ndarray) or not is_network(arrays):
        raise SettingError(f"{path} is not a network; give a .npz of `upsample train -m network`")
    try:
        return _network(arrays)
    except (LookupError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise SettingError(f"network {path} is damaged ({error}); train it again") from error


def is_network(arrays: NDArray[Any] | Mapping[str, NDArray[Any]]) -> bool:
    """Return whether arrays that `read_arrays` returned are those of a network."""
    return not isinstance(arrays, np.ndarray) and str(arrays.get("method")) == "network"


def _network(arrays: Mapping[str, NDArray[Any]]) -> ResidualNetwork:
    """Return the network that `arrays` describe, or raise an error that says what is wrong."""
    import json  # slow to import, and kernels do not need it

    def named(name: str, *shape: int) -> Weights:
        """Return the array called `name` after checking its shape and values."""
        array = np.asarray(arrays[name], np.float32)
        if array.shape != shape or not (np.abs(array) <= _LARGEST).all():
            raise ValueError(f"{name} has shape {array.shape}, or unusable numbers")
        return array

    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"it has format {arrays['format']}, not {FORMAT}")
    count, size, phases = len(arrays["bias0"]), arrays["layer0"].shape[-1], len(arrays["head"])
    if size not in range(3, 12, 2) or phases not in _PHASES:
        raise ValueError(
            f"it has {phases} phases and taps of {size}, not 4, 9 or 16 and 3, 5, 7, 9 or 11"
        )
    body = [Convolution(named("layer0", count, 1, size, size), named("bias0", count))]
    for number in range(1, sum(name.startswith("layer") for name in arrays)):
        weights = named(f"layer{number}", count, count, 3, 3)
        body.append(Convolution(weights, named(f"bias{number}", count)))
    head = named("head", phases, count, 3, 3)
    head = head - head.mean((2, 3), keepdims=True)
    return ResidualNetwork(tuple(body), head, dict(json.loads(str(arrays["about"]))))
