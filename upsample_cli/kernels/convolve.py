"""Convolution and transposed convolution of networks, with every parameter, on the CPU.

The products are NumPy's, so how many threads they use is up to its BLAS (OPENBLAS_NUM_THREADS and
the like).

Source: semantics, layouts and refusals are those of torch.nn.functional.conv2d, conv_transpose2d.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.kernels.columns import Maps, gather, gather_phases, scatter
from upsample_cli.kernels.geometry import Geometry, Pair, Span


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
        stride: Output pixels per input pixel, 1 or more; one number, or down and across.
        padding: Output pixels left off on every side, 0 or more.
        output_padding: Output pixels added below and on the right, below stride or dilation.
        groups: Parts into which the channels fall, each with taps of its own.
        dilation: Output pixels from one tap to the next, 1 or more.

    Returns:
        Shape ((N,) Cout, H', W') with H' = (H - 1) s - 2p + d (kH - 1) + output_padding + 1.

    Raises:
        SettingError: What PyTorch refuses too, and outputs of no pixels, which it refuses with most
            settings; it is a ValueError.

    Source: torch.nn.functional.conv_transpose2d; for one group, ONNX's ConvTranspose.

    >>> x, box = np.array([[[1.0, 2.0]]]), np.ones((1, 1, 1, 3))
    >>> conv_transpose2d(x, box, stride=(1, 2)).tolist()  # the middle is touched twice
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
    size = geometry.enlarged((maps.shape[2], maps.shape[3]), taps)
    out = _filled((len(maps), weight.shape[1] * geometry.groups, *size), maps, bias)
    fewer = weight.shape[1] * geometry.groups < channels
    spread = scatter if fewer else gather_phases
    for source, target, part in _parts(maps, out, np.split(weight, geometry.groups)):
        spread(source, part, target, geometry)
    return out if input.ndim == 4 else out[0]


def conv2d(
    input: Maps,
    weight: Maps,
    bias: Maps | None = None,
    stride: Span = 1,
    padding: Span | str = 0,
    dilation: Span = 1,
    groups: int = 1,
) -> Maps:
    """Return the convolution (in networks' sense: a correlation) of feature maps.

    Args:
        input: Shape ((N,) Cin, H, W), float32 or float64.
        weight: Shape (Cout, Cin / groups, kH, kW), of the input's type.
        bias: Shape (Cout,), of the input's type.
        stride: Input pixels per output pixel, 1 or more; one number, or down and across.
        padding: Zeros added on every side, 0 or more; "valid" for none, "same" (stride 1) for as
            many as keep the size, an odd one below and on the right.
        dilation: Input pixels from one tap to the next, 1 or more.
        groups: Parts into which the channels fall, each with taps of its own.

    Returns:
        Shape ((N,) Cout, H', W') with H' = floor((H + 2p - d (kH - 1) - 1) / s) + 1.

    Raises:
        SettingError: What PyTorch refuses too; it is a ValueError.

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
        geometry = _worded(padding, geometry, taps)
    made = size if padding == "same" else geometry.reduced(size, taps)
    out = _filled((len(maps), len(weight), *made), maps, bias)
    for source, target, part in _parts(maps, out, np.split(weight, geometry.groups)):
        gather(source, part, target, geometry.offsets(taps), geometry.stride)
    return out if input.ndim == 4 else out[0]


def _maps(input: Maps, weight: Maps, bias: Maps | None) -> Maps:
    """Return the input as a batch; refuse what no layer takes."""
    arrays = [input, weight] + ([] if bias is None else [bias])
    if input.dtype not in (np.float32, np.float64) or any(
        each.dtype != input.dtype for each in arrays
    ):
        types = ", ".join(str(each.dtype) for each in arrays)
        raise SettingError(f"input, weight, bias are {types}; give all float32 or all float64")
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise SettingError(f"input has shape {input.shape}; give (C, H, W) or (N, C, H, W)")
    if weight.ndim != 4 or 0 in weight.shape:
        raise SettingError(f"weight has shape {weight.shape}; give four axes, none of them empty")
    return np.ascontiguousarray(input if input.ndim == 4 else input[None])


def _filled(shape: tuple[int, ...], maps: Maps, bias: Maps | None) -> Maps:
    """Return an output that holds nothing but the bias yet."""
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


def _worded(padding: str, geometry: Geometry, taps: Pair) -> Geometry:
    """Return the geometry of "valid" or "same"; the latter's odd zero comes after."""
    if padding not in ("valid", "same"):
        raise SettingError(f"no padding '{padding}'; give a number, a pair, 'valid' or 'same'")
    if padding == "valid":
        return geometry
    if geometry.stride != (1, 1):
        raise SettingError(f"padding 'same' is for stride 1, not {geometry.stride}; give numbers")
    down, across = (d * (k - 1) // 2 for d, k in zip(geometry.dilation, taps, strict=True))
    return Geometry((1, 1), (down, across), (0, 0), geometry.dilation, geometry.groups)


def _parts(maps: Maps, out: Maps, weights: Sequence[Maps]) -> Iterator[tuple[Maps, Maps, Maps]]:
    """Yield input, output and weight of each group of each map."""
    count = len(weights)
    for source, target in zip(maps, out, strict=True):
        pairs = zip(np.split(source, count), np.split(target, count), weights, strict=True)
        yield from pairs
