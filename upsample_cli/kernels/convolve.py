"""The layers of networks on the CPU: convolution, transposed convolution, pixel shuffle.

NumPy computes the matrix products; for large ones its BLAS decides how many threads to use (see
OPENBLAS_NUM_THREADS and the like).

Source: semantics, layouts and errors are those of torch.nn.functional.conv2d, conv_transpose2d and
pixel_shuffle.
"""

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.kernels.columns import Maps, gather, gather_phases, scatter
from upsample_cli.kernels.geometry import Geometry, Pair, Span

_QUIET = np.errstate(over="ignore", invalid="ignore")  # infinity and NaN spread as in PyTorch


@_QUIET
def conv_transpose2d(
    input: Maps,
    weight: Maps,
    bias: Maps | None = None,
    stride: Span = 1,
    padding: Span = 0,
    output_padding: Span = 0,
    groups: int = 1,
    dilation: Span = 1,
) -> Maps:
    """Return the transposed convolution of feature maps, zero beyond their edges.

    Args:
        input: Shape ((N,) Cin, H, W), float32 or float64.
        weight: Shape (Cin, Cout / groups, kH, kW), of the input's type.
        bias: Shape (Cout,), of the input's type.
        stride: Output pixels per input pixel, 1 or more; one number, or a pair (down, across).
        padding: Output pixels cropped on every side, 0 or more.
        output_padding: Output pixels added at the bottom and right; less than stride or dilation.
        groups: How many groups the channels are split into; each has its own taps.
        dilation: Output pixels from one tap to the next, 1 or more.

    Returns:
        Shape ((N,) Cout, H', W') with H' = (H - 1) s - 2p + d (kH - 1) + output_padding + 1.

    Raises:
        SettingError: PyTorch refuses this setting, too; or the output has no pixels or does not
            fit into memory. `SettingError` is a ValueError.

    Source: torch.nn.functional.conv_transpose2d; for one group, ONNX's ConvTranspose.

    >>> x, box = np.array([[[1.0, 2.0]]]), np.ones((1, 1, 1, 3))
    >>> conv_transpose2d(x, box, stride=(1, 2)).tolist()  # both inputs reach the middle
    [[[1.0, 1.0, 3.0, 2.0, 2.0]]]
    """
    geometry = Geometry.of(stride, padding, output_padding, dilation, groups)
    maps = _maps(input, weight, bias)
    channels, taps = weight.shape[0], (weight.shape[2], weight.shape[3])
    if maps.shape[1] != channels or channels % geometry.groups:
        raise SettingError(
            f"input {input.shape} and weight {weight.shape} do not fit with {geometry.groups} "
            f"groups; give a weight of shape (input channels, output channels / groups, kH, kW)"
        )
    size = geometry.transposed_size((maps.shape[2], maps.shape[3]), taps)
    count = weight.shape[1] * geometry.groups
    out = _filled((len(maps), count, *size), maps, bias)
    spread = scatter if count < channels else gather_phases
    for source, target, part in _parts(maps, out, np.split(weight, geometry.groups)):
        spread(source, part, target, geometry)
    return out if input.ndim == 4 else out[0]


@_QUIET
def conv2d(
    input: Maps,
    weight: Maps,
    bias: Maps | None = None,
    stride: Span = 1,
    padding: Span | str = 0,
    dilation: Span = 1,
    groups: int = 1,
) -> Maps:
    """Return the convolution of feature maps, as in networks: a cross-correlation.

    Args:
        input: Shape ((N,) Cin, H, W), float32 or float64.
        weight: Shape (Cout, Cin / groups, kH, kW), of the input's type.
        bias: Shape (Cout,), of the input's type.
        stride: Input pixels per output pixel, 1 or more; one number, or a pair (down, across).
        padding: Zeros added on every side, 0 or more; "valid" adds none, "same" (stride 1 only)
            keeps the size: if their sum is odd, the bottom and right get one more.
        dilation: Input pixels from one tap to the next, 1 or more.
        groups: How many groups the channels are split into; each has its own taps.

    Returns:
        Shape ((N,) Cout, H', W') with H' = floor((H + 2p - d (kH - 1) - 1) / s) + 1.

    Raises:
        SettingError: PyTorch refuses this setting, too. `SettingError` is a ValueError.

    Source: torch.nn.functional.conv2d.

    >>> conv2d(np.ones((1, 4, 4)), np.ones((1, 1, 3, 3))).tolist()
    [[[9.0, 9.0], [9.0, 9.0]]]
    """
    before: Span = 0 if isinstance(padding, str) else padding
    geometry = Geometry.of(stride, before, 0, dilation, groups)
    maps = _maps(input, weight, bias)
    taps, size = (weight.shape[2], weight.shape[3]), (maps.shape[2], maps.shape[3])
    if maps.shape[1] != weight.shape[1] * geometry.groups or len(weight) % geometry.groups:
        raise SettingError(
            f"input {input.shape} and weight {weight.shape} do not fit with {geometry.groups} "
            f"groups; give a weight of shape (output channels, input channels / groups, kH, kW)"
        )
    if isinstance(padding, str):
        geometry = _padded_by_word(padding, geometry, taps)
    size_out = size if padding == "same" else geometry.convolved_size(size, taps)
    out = _filled((len(maps), len(weight), *size_out), maps, bias)
    for source, target, part in _parts(maps, out, np.split(weight, geometry.groups)):
        gather(source, part, target, geometry.offsets(taps), geometry.stride)
    return out if input.ndim == 4 else out[0]


def pixel_shuffle(input: NDArray[Any], upscale_factor: int) -> NDArray[Any]:
    """Return maps in which every r^2 channels of a pixel become a cell of r x r pixels.

    Args:
        input: Shape (..., C r^2, H, W), any type.
        upscale_factor: r, output pixels per input pixel, 1 or more.

    Returns:
        Shape (..., C, H r, W r); channel c r^2 + i r + j is phase (i, j) of channel c.

    Raises:
        SettingError: The number of channels is not a multiple of r^2, r is not a whole number of 1
            or more, or `input` has fewer than three axes.

    Source: W. Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", CVPR 2016; torch.nn.functional.pixel_shuffle.

    >>> pixel_shuffle(np.arange(4).reshape(4, 1, 1), 2).tolist()
    [[[0, 1], [2, 3]]]
    """
    r = upscale_factor
    if not isinstance(r, Integral) or r < 1 or input.ndim < 3 or input.shape[-3] % r**2:
        raise SettingError(
            f"maps {input.shape} cannot be shuffled by {r}; give (..., C, H, W), C a multiple of "
            "the factor's square"
        )
    *batch, channels, height, width = input.shape
    cells = input.reshape(*batch, channels // r**2, r, r, height, width)
    order = (*range(len(batch) + 1), -2, -4, -1, -3)
    return cells.transpose(order).reshape(*batch, channels // r**2, height * r, width * r)


def _maps(input: Maps, weight: Maps, bias: Maps | None) -> Maps:
    """Return the input as (N, C, H, W), or raise a `SettingError` for wrong types or shapes."""
    arrays = [input, weight] + ([] if bias is None else [bias])
    if input.dtype not in (np.float32, np.float64) or any(
        array.dtype != input.dtype for array in arrays
    ):
        types = ", ".join(str(array.dtype) for array in arrays)
        raise SettingError(f"input, weight, bias are {types}; give all float32 or all float64")
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise SettingError(f"input has shape {input.shape}; give (C, H, W) or (N, C, H, W)")
    if weight.ndim != 4 or 0 in weight.shape:
        raise SettingError(f"weight has shape {weight.shape}; give four axes, none of them empty")
    return np.ascontiguousarray(input if input.ndim == 4 else input[None])


def _filled(shape: tuple[int, ...], maps: Maps, bias: Maps | None) -> Maps:
    """Return a new output array, filled with the bias (or 0)."""
    if bias is not None and bias.shape != shape[1:2]:
        raise SettingError(f"bias has shape {bias.shape}; give one number for {shape[1]} channels")
    try:
        out = np.zeros(shape, maps.dtype)
    except (MemoryError, OverflowError, ValueError) as error:
        raise SettingError(
            "the output is larger than memory; give a smaller stride or padding"
        ) from error
    if bias is not None:
        out[:] = bias[:, None, None]
    return out


def _padded_by_word(padding: str, geometry: Geometry, taps: Pair) -> Geometry:
    """Return the geometry with padding "valid" or "same", as added at the top and left."""
    if padding not in ("valid", "same"):
        raise SettingError(f"no padding '{padding}'; give a number, a pair, 'valid' or 'same'")
    if padding == "valid":
        return geometry
    if geometry.stride != (1, 1):
        raise SettingError(f"padding 'same' is for stride 1, not {geometry.stride}; give numbers")
    down, across = (d * (k - 1) // 2 for d, k in zip(geometry.dilation, taps, strict=True))
    return Geometry((1, 1), (down, across), (0, 0), geometry.dilation, geometry.groups)


def _parts(maps: Maps, out: Maps, weights: Sequence[Maps]) -> Iterator[tuple[Maps, Maps, Maps]]:
    """Yield the input, output and weight of each group, for each item of the batch."""
    count = len(weights)
    for source, target in zip(maps, out, strict=True):
        yield from zip(np.split(source, count), np.split(target, count), weights, strict=True)
