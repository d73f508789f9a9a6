"""What a picture's file says beside its pixels."""

from dataclasses import dataclass
from typing import Any

import PIL.Image


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says beside its pixels.

    Args:
        icc: The colour profile.
        exif: A TIFF structure, without the "Exif" mark before it; its orientation is 1.
        xmp: An XMP packet.
        dpi: Dots per inch along and down.
        srgb: PNG's rendering intent, where the file declares sRGB.
        gamma: PNG's gamma, where it declares one.
        text: Keys and values of text chunks and comments.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    srgb: int | None = None
    gamma: float | None = None
    text: tuple[tuple[str, str], ...] = ()

    def stripped(self) -> "Metadata":
        """Return only what colours need: the profile, sRGB intent and gamma."""
        return Metadata(icc=self.icc, srgb=self.srgb, gamma=self.gamma)


def of(opened: PIL.Image.Image, exif: bytes | None) -> Metadata:
    """Return the metadata of a picture that Pillow has read.

    Args:
        opened: The picture.
        exif: Its EXIF, with orientation 1.
    """
    info: dict[Any, Any] = opened.info
    text = getattr(opened, "text", {}) if opened.format == "PNG" else {}
    return Metadata(
        icc=info.get("icc_profile"),
        exif=exif,
        xmp=_xmp(info),
        dpi=_dpi(info),
        srgb=info.get("srgb"),
        gamma=info.get("gamma"),
        text=tuple((key, str(value)) for key, value in text.items() if key != "XML:com.adobe.xmp"),
    )


def _dpi(info: dict[Any, Any]) -> tuple[float, float] | None:
    dpi: Any = info.get("dpi")
    try:
        along, down = (float(each) for each in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (along, down) if 0 < along < 1e6 and 0 < down < 1e6 else None


def _xmp(info: dict[Any, Any]) -> bytes | None:
    xmp = info.get("xmp")
    return xmp.encode() if isinstance(xmp, str) else xmp
