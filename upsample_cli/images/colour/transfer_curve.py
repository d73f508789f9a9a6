"""Whether a picture's levels follow sRGB's curve, which is what linear light is made of here.

Source: ICC.1:2022, "Image technology colour management" (types curv and para); ITU-T H.273 (cICP).
"""

from struct import error as StructError  # noqa: N812 # a class, whatever its name
from struct import unpack_from

from upsample_cli.images.metadata.metadata import Metadata

_LEVELS = ((0.1, 0.010023), (0.5, 0.214041))  # of sRGB, and their light
_NEAR = 0.002  # less than half of what gamma 2.2 differs by
_NUMBERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}  # of the forms of para
_SRGB_TRANSFER = 13
_GAMMA = 1 / 2.2  # PNG's word for about sRGB


def assumed(metadata: Metadata) -> tuple[str, ...]:
    """Return a note where sRGB's curve is taken for another, that a picture tells.

    Args:
        metadata: Of the picture.
    """
    word = _other(metadata)
    return (f"--linear takes sRGB's curve, not that of its {word}",) if word else ()


def _other(metadata: Metadata) -> str | None:
    """Return what tells a curve that is not sRGB's; None if nothing does."""
    cicp = dict(metadata.colours).get(b"cICP")
    if cicp is not None:
        return None if cicp[1] == _SRGB_TRANSFER else "cICP"
    if metadata.icc is not None:
        return None if _is_srgb(metadata.icc) else "profile"
    if metadata.srgb is None and metadata.gamma and abs(metadata.gamma - _GAMMA) > 1e-3:
        return "gamma"
    return None


def _is_srgb(profile: bytes) -> bool:
    """Tell whether the curve of red, or of grey, is about sRGB's; one that is broken is not."""
    try:
        (count,) = unpack_from(">L", profile, 128)
        for place in range(132, 132 + 12 * min(count, 100), 12):
            tag, start, _ = unpack_from(">4sLL", profile, place)
            if tag in (b"rTRC", b"kTRC"):
                return all(
                    abs(_light(profile, start, level) - light) < _NEAR for level, light in _LEVELS
                )
    except (StructError, ArithmeticError):
        pass
    return False


def _light(profile: bytes, start: int, level: float) -> float:
    """Return the light of a level by the curve at a place in a profile; NaN if it is of no kind."""
    kind, first = unpack_from(">4s4xL", profile, start)
    if kind == b"para":
        form = first >> 16
        numbers = unpack_from(f">{_NUMBERS.get(form, 0)}l", profile, start + 12)
        gamma, a, b, c, _, e, _ = [each / 65536 for each in numbers] + [0.0] * (7 - len(numbers))
        base = level if form == 0 else a * level + b
        return float(max(base, 0.0) ** gamma + {2: c, 4: e}.get(form, 0.0))
    if kind != b"curv":
        return float("nan")
    if first < 2:
        gamma = unpack_from(">H", profile, start + 12)[0] / 256 if first else 1.0
        return float(level**gamma)
    at = int(level * (first - 1))
    low, high = unpack_from(">2H", profile, start + 12 + 2 * at)
    return float(low + (level * (first - 1) - at) * (high - low)) / 65535.0
