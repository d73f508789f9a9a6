"""How large a picture becomes: --scale or --size against the input's size."""

import re
from math import floor, gcd
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError

if TYPE_CHECKING:  # sizes are looked at before NumPy has loaded
    from upsample_cli.planes import Size

_LARGEST_STRIDE = 16
_LARGEST_SCALE = 64


class Target:
    """The size wanted: a scale, or a width, a height or both.

    Args:
        scale: Output pixels per input pixel, 1..64.
        width: Output columns.
        height: Output rows.

    Raises:
        SettingError: The scale does not enlarge, or too much.
    """

    def __init__(
        self, scale: float | None = None, width: int | None = None, height: int | None = None
    ) -> None:
        if scale is not None and not 1 <= scale <= _LARGEST_SCALE:
            fault = "would shrink" if scale < 1 else "is too large"
            raise SettingError(f"--scale {scale:g} {fault}; give 1 to {_LARGEST_SCALE}")
        self.scale, self.width, self.height = scale, width, height

    @classmethod
    def parsed(cls, size: str) -> "Target":
        """Return the target of a text: WxH, Wx or xH.

        Raises:
            SettingError: The text is none of these.
        """
        found = re.fullmatch(r"([1-9]\d*)?x([1-9]\d*)?", size)
        if found is None or found.group() == "x":
            raise SettingError(f"--size {size} is no size; give WIDTHxHEIGHT, WIDTHx or xHEIGHT")
        width, height = (int(each) if each else None for each in found.groups())
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
        made = (
            tall if tall is not None else max(height, _rounded(height * (wide or 0) / width)),
            wide if wide is not None else max(width, _rounded(width * (tall or 0) / height)),
        )
        if made[0] < height or made[1] < width:
            raise SettingError(
                f"--size {made[1]}x{made[0]} is smaller than the input, {width}x{height}; "
                "this tool enlarges"
            )
        if made[0] > height * _LARGEST_SCALE or made[1] > width * _LARGEST_SCALE:
            raise SettingError(
                f"--size {made[1]}x{made[0]} is over {_LARGEST_SCALE} times the input, "
                f"{width}x{height}; give a smaller one"
            )
        return made


def stride(size_in: "Size", size_out: "Size") -> "Size":
    """Return the period, down and across, of what upsampling can leave in the output.

    A scale of p / q leaves a period of p output pixels; 1 stands for none that is short enough.

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
    """Return a few words on a picture that loses its shape by more than rounding.

    >>> stretched((20, 30), (33, 50)), stretched((20, 30), (60, 60))
    ((), ('it is stretched, x2 across and x3 down',))
    """
    (height, width), (tall, wide) = size_in, size_out
    if abs(tall * width - wide * height) <= width + height:
        return ()
    return (f"it is stretched, x{wide / width:.4g} across and x{tall / height:.4g} down",)


def _rounded(length: float) -> int:
    return max(1, floor(length + 0.5))
