"""What profiles say of colours: CMYK converted to sRGB, and whether a picture's curve is sRGB's.

Source: ICC.1:2022, "Image technology colour management" (types curv and para); ITU-T H.273 (cICP).
"""

import io
from contextlib import suppress
from struct import error as StructError  # noqa: N812 # a class, whatever its name
from struct import unpack_from

import numpy as np
import PIL.Image
from PIL import ImageCms

from upsample_cli.images.image import Image
from upsample_cli.images.levels import Curve
from upsample_cli.images.metadata.metadata import Metadata

_SRGB_POINTS = ((0.1, 0.010023), (0.5, 0.214041))  # level and light
_TOLERANCE = 0.002  # less than half of the difference between sRGB and gamma 2.2
_PARA_NUMBERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}  # how many numbers each form of para has
_MOST_TAGS = 100  # a profile that claims more is broken
_CURVES = (b"rTRC", b"gTRC", b"bTRC", b"kTRC")
_LEVELS = np.linspace(0, 1, 4097)
_CICP_SRGB = 13
_PNG_GAMMA = 1 / 2.2  # what a PNG of about sRGB declares


def to_srgb(image: Image) -> tuple[Image, str]:
    """Return a CMYK picture in sRGB, and how its colours were converted, in words.

    Its own profile is used where it has one that works, else Pillow's plain formula.
    """
    height, width = image.size
    cmyk = PIL.Image.frombuffer("CMYK", (width, height), image.samples, "raw", "CMYK", 0, 1)
    how = "through its profile"
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.metadata.icc or b""))
        srgb = ImageCms.profileToProfile(
            cmyk, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        srgb, how = None, "without a profile"
    if srgb is None:
        srgb = cmyk.convert("RGB")
    metadata = image.metadata._replace(icc=None, coding=None)
    return image._replace(samples=np.asarray(srgb), metadata=metadata, is_cmyk=False), how


def curve_of(metadata: Metadata) -> Curve | None:
    """Return the curve that a file declares; None for about sRGB's, and for one that is unknown."""
    source, profile = _other_curve(metadata), metadata.icc or b""
    if source == "gamma" and metadata.gamma:
        return Curve(_LEVELS[None] ** (1 / metadata.gamma))
    starts = _curves(profile) if source == "profile" else {}
    colours = [start for tag, start in starts.items() if tag != b"kTRC"] or [*starts.values()]
    try:
        light = np.array([[_light(profile, start, x) for x in _LEVELS] for start in colours])
    except (StructError, ArithmeticError):
        return None
    is_usable = light.size > 0 and np.isfinite(light).all() and (light[:, -1] > light[:, 0]).all()
    return Curve(np.maximum.accumulate(np.clip(light, 0, 1), axis=1)) if is_usable else None


def notes_on_linear(metadata: Metadata) -> tuple[str, ...]:
    """Return a note where `--linear` takes sRGB's curve though the file declares another."""
    source = _other_curve(metadata)
    if source is None or curve_of(metadata) is not None:
        return ()
    return (f"--linear takes sRGB's curve, not that of its {source}",)


def _other_curve(metadata: Metadata) -> str | None:
    """Return what declares a curve other than sRGB's: cICP, profile or gamma; None if none does."""
    cicp = dict(metadata.colours).get(b"cICP")
    if cicp is not None:
        return None if cicp[1] == _CICP_SRGB else "cICP"
    if metadata.icc is not None:
        return None if _is_srgb(metadata.icc) else "profile"
    if metadata.srgb is None and metadata.gamma and abs(metadata.gamma - _PNG_GAMMA) > 1e-3:
        return "gamma"
    return None


def _is_srgb(profile: bytes) -> bool:
    """Tell whether a profile's curve of red, or of grey, is about sRGB's; a broken one is not."""
    starts = [*_curves(profile).values()]
    try:
        return bool(starts) and all(
            abs(_light(profile, starts[0], level) - light) < _TOLERANCE
            for level, light in _SRGB_POINTS
        )
    except (StructError, ArithmeticError):
        return False


def _curves(profile: bytes) -> dict[bytes, int]:
    """Return the offset of each curve of a colour, or of grey, in a profile."""
    with suppress(StructError):
        (count,) = unpack_from(">L", profile, 128)
        entries = range(132, 132 + 12 * min(count, _MOST_TAGS), 12)
        tags = [unpack_from(">4sL", profile, entry) for entry in entries]
        found = dict(tags)
        return {tag: found[tag] for tag in _CURVES if tag in found}
    return {}


def _light(profile: bytes, start: int, level: float) -> float:
    """Return the light of a level by the curve at an offset; NaN for an unknown kind of curve."""
    kind, first = unpack_from(">4s4xL", profile, start)
    if kind == b"para":
        form = first >> 16
        numbers = unpack_from(f">{_PARA_NUMBERS.get(form, 0)}l", profile, start + 12)
        padded = [number / 65536 for number in numbers] + [0.0] * (7 - len(numbers))
        gamma, a, b, c, d, e, f = padded
        if form > 2 and level < d:
            return float(c * level + f)
        base = level if form == 0 else a * level + b
        return float(max(base, 0.0) ** gamma + {2: c, 4: e}.get(form, 0.0))
    if kind != b"curv":
        return float("nan")
    if first < 2:
        gamma = unpack_from(">H", profile, start + 12)[0] / 256 if first else 1.0
        return float(level**gamma)
    position = level * (first - 1)
    index = int(position)
    if index == first - 1:
        index -= 1
    low, high = unpack_from(">2H", profile, start + 12 + 2 * index)
    return float(low + (position - index) * (high - low)) / 65535.0
