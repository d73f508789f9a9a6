"""The geometry of a layer: how far apart its taps and its pixels lie, and the sizes that follow.

A convolution reads input pixel s i + d a - p for output pixel i and tap a; the transposed one
writes to output pixel s i + d a - p from input pixel i. Letters as in Dumoulin & Visin.

Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv
1603.07285; PyTorch's torch.nn.functional.conv2d and conv_transpose2d.
"""

from dataclasses import dataclass
from operator import index
from typing import TypeAlias

from upsample_cli.errors import SettingError
from upsample_cli.planes import Size

Pair: TypeAlias = tuple[int, int]
Span: TypeAlias = int | tuple[int, ...]
"""A number for both axes, or one for each: down, across."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the taps of a layer lie; every pair is down, across.

    Args:
        stride: s, pixels of the large side per pixel of the small one, 1 or more.
        padding: p, pixels of the large side left off before its first row and column, 0 or more.
        output_padding: Pixels of the large side added after its last, below stride or dilation.
        dilation: d, pixels from one tap to the next, 1 or more.
        groups: Parts into which the channels fall, 1 or more.
    """

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    output_padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @classmethod
    def of(
        cls, stride: Span, padding: Span, output_padding: Span, dilation: Span, groups: int
    ) -> "Geometry":
        """Return the geometry of numbers or pairs of numbers.

        Raises:
            SettingError: One is no whole number, or out of range.
        """
        return cls(
            _pair("stride", stride, 1),
            _pair("padding", padding, 0),
            _pair("output_padding", output_padding, 0),
            _pair("dilation", dilation, 1),
            _pair("groups", groups, 1)[0],
        )

    def __post_init__(self) -> None:
        """Refuse an output padding that no strided convolution can have lost."""
        bounds = zip(self.output_padding, self.stride, self.dilation, strict=True)
        if any(added >= max(s, d) for added, s, d in bounds):
            raise SettingError(
                f"output_padding {self.output_padding} reaches stride {self.stride} and dilation "
                f"{self.dilation}; give less than the larger of both on each axis"
            )

    def enlarged(self, size: Size, taps: Size) -> Size:
        """Return the output size of the transposed convolution: (n - 1) s - 2p + d (k - 1) + 1.

        Args:
            size: Height and width of the input.
            taps: Taps down and across.

        Raises:
            SettingError: No pixel would be left.

        >>> Geometry((2, 2), (1, 1), (1, 1)).enlarged((4, 4), (3, 3))
        (8, 8)
        """
        height, width = (
            (n - 1) * s - 2 * p + d * (k - 1) + added + 1
            for n, k, s, p, d, added in zip(
                size, taps, self.stride, self.padding, self.dilation, self.output_padding,
                strict=True,
            )
        )  # fmt: skip
        if height < 1 or width < 1:
            raise SettingError(
                f"the output would be {height}x{width}; give less padding than {self.padding}"
            )
        return height, width

    def reduced(self, size: Size, taps: Size) -> Size:
        """Return the output size of the convolution: floor((n + 2p - d (k - 1) - 1) / s) + 1.

        Args:
            size: Height and width of the input.
            taps: Taps down and across.

        Raises:
            SettingError: The taps reach over the padded input.

        >>> Geometry((2, 2), (1, 1)).reduced((8, 8), (3, 3))
        (4, 4)
        """
        height, width = (
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                size, taps, self.stride, self.padding, self.dilation, strict=True
            )
        )
        if height < 1 or width < 1:
            raise SettingError(
                f"taps {taps} with dilation {self.dilation} are larger than the input {size} with "
                f"padding {self.padding}; give a larger input or more padding"
            )
        return height, width

    def offsets(self, taps: Size) -> tuple[list[int], list[int]]:
        """Return d a - p of every tap a, down and across."""
        down, across = (
            [d * tap - p for tap in range(k)]
            for k, d, p in zip(taps, self.dilation, self.padding, strict=True)
        )
        return down, across


def meeting(offset: int, stride: int, length: int, run: range) -> range:
    """Return the i of a run for which stride i + offset lies within 0..length.

    >>> meeting(-1, 2, 4, range(10))
    range(1, 3)
    """
    first = max(run.start, -(offset // stride))
    return range(first, max(first, min(run.stop, (length - 1 - offset) // stride + 1)))


def _pair(name: str, value: Span, least: int) -> Pair:
    try:
        values = tuple(map(index, value)) if isinstance(value, (tuple, list)) else (index(value),)
    except TypeError as error:
        raise SettingError(f"{name} {value!r} is no whole number; give an int or a pair") from error
    if len(values) == 1:
        values *= 2
    if len(values) != 2:
        raise SettingError(f"{name} {value!r} has {len(values)} numbers; give an int or a pair")
    if min(values) < least:
        raise SettingError(f"{name} {value!r} is out of range; give {least} or more")
    return values[0], values[1]
