"""Weights that are stored in parts, by a weight norm or a spectral norm: the weights that count."""

from typing import Any

from numpy.typing import NDArray

from upsample_cli.networks import spectral_norm, weight_norm


def effective(
    tensors: dict[str, NDArray[Any]], rounded: bool = False
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return tensors with every normalised weight in the place of its parts.

    Args:
        tensors: By name.
        rounded: Whether a weight is of the type of its parts; otherwise it stays float64.

    Returns:
        The tensors by name, and by name why a weight cannot be worked out, which is NaN then.
    """
    found, faults = weight_norm.effective(tensors, rounded)
    found, more = spectral_norm.effective(found, rounded)
    return found, faults | more
