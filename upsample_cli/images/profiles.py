"""Colour profiles: convert CMYK to sRGB, and find the curve from a picture's levels to light.

Source: ICC.1:2022, "Image technology colour management" (types curv and para); ITU-T H.273 (cICP).
"""

import io
from struct import error as StructError  # noqa: N812 # a class, whatever its name
from struct import unpack_from

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageCms

from upsample_cli.images.image import Image
from upsample_cli.images.levels import Curve, to_linear
from upsample_cli.images.metadata import Metadata

_TOLERANCE = 0.002  # of light: less than half of the difference between sRGB and gamma 2.2
_PARA_NUMBERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}  # count of numbers in each form of para
_MOST_TAGS = 100  # a profile that claims more is broken
_COLOURS, _GREY = (b"rTRC", b"gTRC", b"bTRC"), b"kTRC"
_LEVELS = np.linspace(0, 1, 4097)  # where curves are evaluated
_CICP_SRGB = 13  # the number of sRGB's curve in cICP
_PNG_GAMMA = 1 / 2.2  # the gamma that a PNG of about sRGB declares


def to_srgb(image: Image) -> tuple[Image, str]:
    """Return a CMYK picture in sRGB, and how its colours were converted, in words.

    The picture's own profile is used if it works, else Pillow's plain formula.
    """
    cmyk = PIL.Image.fromarray(image.samples, "CMYK")
    try:
        profile, how = io.BytesIO(image.metadata.icc or b""), "through its profile"
        srgb = ImageCms.profileToProfile(
            cmyk, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        srgb, how = cmyk.convert("RGB"), "without a profile"
    metadata = image.metadata._replace(icc=None, coding=None)
    return image._replace(samples=np.asarray(srgb), metadata=metadata, is_cmyk=False), how


def curve_of(metadata: Metadata) -> Curve | None:
    """Return the curve that a file declares; None if it is missing, unreadable or about sRGB's."""
    return _declared(metadata)[1]


def notes_on_linear(metadata: Metadata) -> tuple[str, ...]:
    """Return a note if `--linear` uses sRGB's curve although the file declares another."""
    source, curve = _declared(metadata)
    if source is None or curve is not None:
        return ()
    return (f"--linear uses sRGB's curve, not that of its {source}",)


def _declared(metadata: Metadata) -> tuple[str | None, Curve | None]:
    """Return what declares a curve other than sRGB's, or None, and the curve, None if unknown."""
    cicp = dict(metadata.colours).get(b"cICP")
    if cicp is not None:
        return None if cicp[1] == _CICP_SRGB else "cICP", None
    if metadata.icc is not None:
        curve = _profile_curve(metadata.icc)
        if curve and np.abs(curve.light - to_linear(_LEVELS)).max() < _TOLERANCE:
            return None, None
        return "profile", curve
    if metadata.srgb is None and metadata.gamma and abs(metadata.gamma - _PNG_GAMMA) > 1e-3:
        return "gamma", Curve(_LEVELS[None] ** (1 / metadata.gamma))
    return None, None


def _profile_curve(profile: bytes) -> Curve | None:
    """Return the curves of the colours, or of grey, in a profile; None if they cannot be read."""
    try:
        (count,) = unpack_from(">L", profile, 128)
        entries = range(132, 132 + 12 * min(count, _MOST_TAGS), 12)
        starts = dict(unpack_from(">4sL", profile, entry) for entry in entries)
        colours = [tag for tag in _COLOURS if tag in starts] or [_GREY]
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            light = np.array([_light(profile, starts[tag]) for tag in colours])
    except (StructError, LookupError, ValueError, ArithmeticError):
        return None
    if (light[:, -1] <= light[:, 0]).any():
        return None
    return Curve(np.maximum.accumulate(np.clip(light, 0, 1), axis=1))


def _light(profile: bytes, start: int) -> NDArray[np.float64]:
    """Return the light at `_LEVELS` by the curve at an offset; raise an error if it is broken."""
    kind, first = unpack_from(">4s4xL", profile, start)
    if kind == b"para":
        form = first >> 16
        count = _PARA_NUMBERS[form]
        numbers = [number / 65536 for number in unpack_from(f">{count}l", profile, start + 12)]
        gamma, a, b, c, d, e, f = numbers + [0.0] * (7 - count)
        base = a * _LEVELS + b if form else _LEVELS
        light = np.maximum(base, 0) ** gamma + {2: c, 4: e}.get(form, 0)
        return np.asarray(np.where((form > 2) & (d > _LEVELS), c * _LEVELS + f, light))
    if kind != b"curv":
        raise ValueError(kind)
    if first == 0:
        return _LEVELS
    table = np.frombuffer(profile, ">u2", first, start + 12)
    if first == 1:
        return np.asarray(_LEVELS ** (table[0] / 256))
    return np.interp(_LEVELS, np.linspace(0, 1, first), table / 65535)
