"""Convert a file's levels to planes and back: scale, linear light, premultiplied alpha, rounding.

Premultiplied: colours are weighted by their opacity while they are filtered, so that the colours of
transparent pixels do not spread. Linear: the file's curve, or sRGB's if it declares none, is undone
before filtering and applied again after it. Levels are clipped to the file's range and rounded half
up, once. Floating-point samples are neither clipped nor rounded.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from upsample_cli.images.image import Palette, Samples, full_scale
from upsample_cli.planes import Planes

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in luma. Source: ITU-R BT.601."""

COLOURS = ("red", "green", "blue")
OPACITY = -1
Channel: TypeAlias = int | None
"""Which plane of a picture: the index of a colour, OPACITY, or None for luma."""

# The colour of a fully transparent pixel is undefined; this keeps the division finite.
_LEAST_ALPHA = 1e-6


class Curve(NamedTuple):
    """The curve from the levels of a file to light.

    Args:
        light: Shape (C, N): the light, 0..1 and never falling, at N evenly spaced levels from 0
            to 1. C is 1 if all colours share a curve, else the number of colours.
    """

    light: NDArray[np.float64]

    def applied(self, colours: Planes, inverse: bool = False) -> Planes:
        """Convert levels, shape (C, H, W), to light, or back; the excess beyond 0..1 is kept."""
        levels = np.linspace(0, 1, self.light.shape[1])
        out = colours - np.clip(colours, 0, 1)
        for index, plane in enumerate(colours):
            light = self.light[min(index, len(self.light) - 1)]
            x, y = (light, levels) if inverse else (levels, light)
            out[index] += np.interp(plane, x, y)
        return out


class Conversion(NamedTuple):
    """How to turn the samples of a picture into planes, and planes into levels.

    Args:
        dtype: Type of the samples: uint8, uint16 or float32.
        alpha: Whether the last plane is opacity.
        premultiplied: Whether colours are weighted by opacity while they are filtered.
        linear: Whether colours are filtered in linear light.
        is_cmyk: Whether the planes are CMYK.
        curve: The curve from levels to light; None for sRGB's.
        palette: The colours, if the plane holds indices that are only copied; else None.
        is_negative: Whether planes are 1 minus the samples, so that networks get 0 for full ink.
    """

    dtype: DTypeLike
    alpha: bool = False
    premultiplied: bool = True
    linear: bool = False
    is_cmyk: bool = False
    curve: Curve | None = None
    palette: Palette | None = None
    is_negative: bool = False

    @property
    def has_opacity(self) -> bool:
        """Whether pixels have an opacity, in a plane or in the palette."""
        return self.alpha or bool(self.palette and self.palette.opacity)

    @property
    def peak(self) -> int:
        """The level of full scale: 255, 65535, or 1 for floating-point samples."""
        return full_scale(self.dtype)

    def planes(self, samples: Samples) -> Planes:
        """Return samples as planes, in linear light and premultiplied if these are set.

        Args:
            samples: Shape (H, W, C).

        Returns:
            Shape (C, H, W), float32. Integer levels become 0..1; floats keep their scale.
        """
        height, width, count = samples.shape
        planes = np.empty((count, height, width), np.float32)
        np.multiply(samples.transpose(2, 0, 1), np.float32(1 / self.peak), planes, dtype=np.float32)
        colours = planes[:-1] if self.alpha else planes
        if self.linear:
            colours[...] = self.curve.applied(colours) if self.curve else to_linear(colours)
        if self.alpha and self.premultiplied:
            colours *= planes[-1]
        return np.subtract(1, planes, out=planes) if self.is_negative else planes

    def levels(self, planes: Planes, limits: Planes | None = None) -> Planes:
        """Convert planes to levels in place.

        Args:
            planes: Shape (C, H, W), float32; overwritten.
            limits: The least and the greatest opacity of each pixel; None for no limits.

        Returns:
            The same array: whole numbers from 0 to the peak, or floating-point samples unrounded.
        """
        if self.is_negative:
            np.subtract(1, planes, out=planes)
        colours = planes[:-1] if self.alpha else planes
        if self.alpha and self.premultiplied:
            np.divide(colours, np.maximum(planes[-1], _LEAST_ALPHA), out=colours)
        if limits is not None:
            low, high = limits
            # Raised to at most double: pixels much fainter than `low` have no certain colour.
            np.clip(planes[-1], np.clip(2 * planes[-1], 0, low), high, out=planes[-1])
        if self.alpha and self.premultiplied:
            colours *= planes[-1] >= (0.5 / self.peak if self.peak > 1 else _LEAST_ALPHA)
        if self.linear:
            colours[...] = (
                self.curve.applied(colours, inverse=True) if self.curve else from_linear(colours)
            )
        if self.peak == 1:  # floating-point samples
            return planes
        planes *= np.float32(self.peak)
        planes += np.float32(0.5)
        np.clip(planes, 0.0, np.float32(self.peak), out=planes)
        return np.floor(planes, out=planes)

    def luma(self, levels: Planes) -> NDArray[np.float32]:
        """Return the luma of levels, on the same scale; CMYK is converted to RGB without a profile.

        Args:
            levels: Shape (C, H, W).
        """
        if self.palette:
            return luma(self._colours_of(levels))
        if not self.is_cmyk:
            return luma(levels)
        full = np.float32(self.peak)
        return luma((full - levels[:3]) * ((full - levels[3]) / full))

    def opacity(self, levels: Planes) -> NDArray[np.float32]:
        """Return the opacity of levels, shape (H, W), on the same scale."""
        return np.asarray((self._colours_of(levels) if self.palette else levels)[-1])

    def _colours_of(self, levels: Planes) -> Planes:
        """Return the colours of a plane of indices, shape (C, H, W)."""
        assert self.palette is not None
        table: Planes = self.palette.table().T.astype(np.float32)
        return table[:, levels[0].astype(np.uint8)]


def luma(levels: Planes) -> NDArray[np.float32]:
    """Return the luma of levels or planes, ignoring their alpha.

    Args:
        levels: Shape (C, H, W); C is 1 or 3, plus 1 for alpha.

    Returns:
        Shape (H, W).
    """
    if len(levels) < 3:
        return np.asarray(levels[0], np.float32)
    # Matrix times matrix is faster than vector times matrix.
    weighted = LUMA[None] @ levels[:3].reshape(3, -1)
    return np.asarray(weighted.reshape(levels.shape[1:]), np.float32)


def channel_levels(samples: Samples, channel: Channel) -> NDArray[np.float32]:
    """Return one channel of samples in levels of 0..255, not rounded.

    Args:
        samples: Shape (H, W, C).
        channel: The channel to return; each colour of a grey picture is its luma.

    Returns:
        Shape (H, W).
    """
    if channel is None or (samples.shape[2] < 3 and channel != OPACITY):
        plane = luma(np.moveaxis(samples, 2, 0).astype(np.float32))
    else:
        plane = samples[..., channel].astype(np.float32)
    peak = full_scale(samples.dtype)
    return plane if peak == 255 else plane * np.float32(255 / peak)


def to_linear(x: Planes) -> Planes:
    """Convert sRGB values to linear light. Source: IEC 61966-2-1."""
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.0) + 0.055) / 1.055) ** 2.4)


def from_linear(x: Planes) -> Planes:
    """Convert linear light to sRGB values. Source: IEC 61966-2-1."""
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * np.maximum(x, 0.0) ** (1 / 2.4) - 0.055)


def rounded(samples: Samples, bits: int = 8) -> NDArray[Any]:
    """Return samples of any depth rounded to levels of `bits` bits, and clipped to their range.

    Args:
        samples: Of any shape.
        bits: Bits per sample of the result: 8, or for floating-point samples also 16.
    """
    if samples.dtype == np.uint8:
        return samples
    if samples.dtype == np.uint16:
        return ((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    levels = np.clip(samples, 0, 1) * np.float32(2**bits - 1) + np.float32(0.5)
    return levels.astype(f"u{bits // 8}")


def composited(samples: Samples, background: tuple[int, int, int]) -> Samples:
    """Return samples composited on a background colour, without opacity.

    Args:
        samples: Shape (H, W, C) with C of 2 or 4.
        background: Red, green and blue, 0..255.

    Returns:
        Shape (H, W, 1) if samples and background are grey, else (H, W, 3).
    """
    peak, colours = full_scale(samples.dtype), samples.shape[2] - 1
    if colours == 1 and len(set(background)) > 1:
        colours = 3
    under = np.array(background[:colours], np.float32) * np.float32(peak / 255)
    out: Samples = np.empty((*samples.shape[:2], colours), samples.dtype)
    half = np.float32(0.5 if samples.dtype.kind == "u" else 0)
    for row, result in zip(samples, out, strict=True):
        opacity = row[:, -1:] * np.float32(1 / peak)
        result[...] = row[:, :-1] * opacity + under * (1 - opacity) + half
    return out
