"""What to do about a checkerboard, in words: the fact, then the remedies."""

from collections.abc import Sequence
from math import gcd

from upsample_cli.kernels.phases import overlaps

_OTHERWISE = "or resize + convolution"


def divides(size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> bool:
    """Tell whether every output phase is fed by the same number of taps.

    Args:
        size: Taps along each axis.
        stride: Output pixels per input pixel along each.
        dilation: Distance of neighbouring taps along each.

    Source: A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", 2016.

    >>> divides((3, 3), (2, 2), (1, 1)), divides((4, 4), (2, 2), (1, 1))
    (False, True)
    """
    return all(len(set(axis.tolist())) == 1 for axis in overlaps(size, stride, dilation))


def of_taps(size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> str:
    """Return the remedy for a transposed convolution whose phases are uneven.

    Args:
        size: Taps along each axis.
        stride: Output pixels per input pixel along each.
        dilation: Distance of neighbouring taps along each.

    >>> of_taps((3, 3), (2, 2), (1, 1)).split(": ")[0]
    'kernel 3 is not a multiple of stride 2'
    """
    for k, s, d in zip(size, stride, dilation, strict=True):
        if divides((k,), (s,), (d,)):
            continue
        shared = gcd(d, s)
        if shared > 1:
            return (
                f"dilation {d} and stride {s} share the factor {shared}, so that some outputs "
                f"get nothing: use dilation 1, {_OTHERWISE}"
            )
        if k < s:
            return (
                f"kernel {k} is smaller than stride {s}, so that some outputs get nothing: "
                f"use kernel {s} or {2 * s}, {_OTHERWISE}"
            )
        return (
            f"kernel {k} is not a multiple of stride {s}: use kernel {-(-k // s) * s}, "
            f"or balance its taps (`upsample repair`), {_OTHERWISE}"
        )
    return (
        "the overlap is even, but the taps of the phases have different sums: "
        f"balance them (`upsample repair`), {_OTHERWISE}"
    )


def of_sub_pixel(weights: bool, bias: bool) -> str:
    """Return the remedy for a sub-pixel convolution whose phases are uneven.

    Args:
        weights: Whether its weights are.
        bias: Whether its biases are.
    """
    found = []
    if weights:
        found.append(
            f"the channels that become one block of pixels have different sums: "
            f"initialise with ICNR, {_OTHERWISE}"
        )
    if bias:
        found.append("the phases have different biases: give each block one bias")
    return "; ".join(found)
