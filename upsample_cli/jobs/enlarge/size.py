"""How large the output is: --scale or --size applied to the input's size."""

import re
from dataclasses import dataclass
from math import floor, gcd
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError

if TYPE_CHECKING:  # sizes are checked before NumPy has loaded
    from upsample_cli.planes import Size

_LARGEST_STRIDE = 16
_LARGEST_SCALE = 64


@dataclass(frozen=True, slots=True)
class TargetSize:
    """The size of the output: a scale, or a width, a height or both.

    Args:
        scale: Output pixels per input pixel, 1..64.
        width: Output columns.
        height: Output rows.

    Raises:
        SettingError: The scale does not enlarge, or too much.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        """Check the scale."""
        if self.scale is not None and not 1 <= self.scale <= _LARGEST_SCALE:
            fault = "would shrink" if self.scale < 1 else "is too large"
            raise SettingError(f"--scale {self.scale:g} {fault}; give 1 to {_LARGEST_SCALE}")

    @classmethod
    def parsed(cls, size: str) -> "TargetSize":
        """Return the target size of a text: WxH, Wx or xH.

        Raises:
            SettingError: The text is none of these.
        """
        match = re.fullmatch(r"([1-9]\d*)?x([1-9]\d*)?", size)
        if match is None or match.group() == "x":
            raise SettingError(f"--size {size} is no size; give WIDTHxHEIGHT, WIDTHx or xHEIGHT")
        width, height = (int(number) if number else None for number in match.groups())
        return cls(width=width, height=height)

    def size(self, size_in: "Size") -> "Size":
        """Return the output's height and width; halves are rounded up.

        Args:
            size_in: Height and width of the input.

        Raises:
            SettingError: The output would be smaller than the input, or too large.
        """
        height, width = size_in
        if self.scale is not None:
            return _rounded(height * self.scale), _rounded(width * self.scale)
        wide, tall = self.width, self.height
        size = (
            tall if tall is not None else max(height, _rounded(height * (wide or 0) / width)),
            wide if wide is not None else max(width, _rounded(width * (tall or 0) / height)),
        )
        if size[0] < height or size[1] < width:
            raise SettingError(
                f"--size {size[1]}x{size[0]} is smaller than the input, {width}x{height}; "
                "this tool enlarges"
            )
        if size[0] > height * _LARGEST_SCALE or size[1] > width * _LARGEST_SCALE:
            raise SettingError(
                f"--size {size[1]}x{size[0]} is over {_LARGEST_SCALE} times the input, "
                f"{width}x{height}; give a smaller one"
            )
        return size


def stride(size_in: "Size", size_out: "Size") -> "Size":
    """Return the period, down and across, that upsampling can leave in the output.

    A scale of p / q, in lowest terms, leaves a period of p output pixels; 1 stands for a period
    that is too long to measure.

    >>> stride((100, 100), (150, 233))
    (3, 1)
    """
    down, across = (
        after // gcd(before, after) for before, after in zip(size_in, size_out, strict=True)
    )
    return (
        down if down <= _LARGEST_STRIDE else 1,
        across if across <= _LARGEST_STRIDE else 1,
    )


def stretched(size_in: "Size", size_out: "Size") -> tuple[str, ...]:
    """Return a note where a picture loses its shape by more than rounding.

    >>> stretched((20, 30), (33, 50)), stretched((20, 30), (60, 60))
    ((), ('it is stretched, x2 across and x3 down',))
    """
    (height, width), (tall, wide) = size_in, size_out
    if abs(tall * width - wide * height) <= width + height:
        return ()
    return (f"it is stretched, x{wide / width:.4g} across and x{tall / height:.4g} down",)


def _rounded(length: float) -> int:
    return max(1, floor(length + 0.5))
