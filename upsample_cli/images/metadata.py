"""Metadata: what a picture's file holds beside its pixels, and which formats can hold it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import PIL.Image

from upsample_cli.images import exif as exif_tags
from upsample_cli.images import exif_directory
from upsample_cli.planes import Size

_SPACE = slice(16, 20)  # the bytes of a profile that name its kind of colours
_SRGB_GAMMA = 0.45455
_SRGB_CHROMATICITY = 0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06  # white, red, green, blue
_SAME = 1e-3  # numbers that differ by less differ by rounding
_COLOUR_CHUNKS = "gamma", "cHRM", "cICP", "mDCV", "cLLI"  # of a PNG
_CICP_SRGB = b"cICP", b"\x01\x0d"  # chunk and first bytes that declare sRGB's primaries and curve
JPEG_IPTC, _EXTENDED_XMP = 0x0404, b"http://ns.adobe.com/xmp/extension/\0"
_BYTES = (1, 7)  # TIFF's types BYTE and UNDEFINED
_XMP_KEY = "XML:com.adobe.xmp"
PNG_TEXT_PREFIX = "upsample-cli text: "
"""Prefix of keywords that Pillow would confuse with properties; see `png_chunks.safe_png`."""
_HELD = {
    "PNG": {"profile", "EXIF", "XMP", "dpi", "comment", "text", *_COLOUR_CHUNKS},
    "JPEG": {"profile", "EXIF", "XMP", "dpi", "comment", "IPTC", "extended XMP"},
    "WEBP": {"profile", "EXIF", "XMP", "dpi"},
    "AVIF": {"profile", "EXIF", "XMP", "dpi"},
    "JPEG2000": {"comment"},
    "TIFF": {"profile", "EXIF", "XMP", "dpi", "IPTC"},
    "BMP": {"dpi"},
    "GIF": {"profile", "XMP", "comment"},
}


class JpegCoding(NamedTuple):
    """How a JPEG was coded.

    Args:
        tables: Its quantisation tables, of 64 numbers each, which set the quality.
        subsampling: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0; -1 for any other.
        progressive: Whether it is stored in scans of rising quality.
    """

    tables: tuple[tuple[int, ...], ...]
    subsampling: int
    progressive: bool


class Metadata(NamedTuple):
    """What a file says beside its pixels.

    Args:
        icc: The colour profile.
        exif: EXIF as a TIFF structure, without the "Exif" mark; its orientation is 1.
        xmp: An XMP packet.
        extended_xmp: JPEG segments with the rest of a long XMP packet.
        iptc: IPTC records.
        dpi: Dots per inch, horizontal and vertical.
        srgb: PNG's rendering intent, where the file declares sRGB.
        gamma: PNG's gamma, where the file declares one.
        chromaticity: PNG's white point and primaries, x and y of each, where the file declares
            them.
        colours: Kind and data of PNG's chunks cICP, mDCV and cLLI, which declare the primaries
            and the curve of wide colours and HDR.
        text: Keys and values of text chunks; a comment has the key "Comment".
        coding: How the pixels of a JPEG were coded.
        lossless: WEBP or AVIF if the pixels came from one that was coded without loss, else empty.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    extended_xmp: tuple[bytes, ...] = ()
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    srgb: int | None = None
    gamma: float | None = None
    chromaticity: tuple[float, ...] | None = None
    colours: tuple[tuple[bytes, bytes], ...] = ()
    text: tuple[tuple[str, str], ...] = ()
    coding: JpegCoding | None = None
    lossless: str = ""

    @property
    def comment(self) -> str | None:
        """The text under "Comment", the only key that formats other than PNG know."""
        return dict(self.text).get("Comment")

    def without_grey_profile(self) -> "tuple[Metadata, list[str]]":
        """Return the metadata for a picture in RGB, and a note if a profile of grey is lost."""
        if self.icc is None or self.icc[_SPACE] != b"GRAY":
            return self, []
        note = "its profile of grey does not fit colours, so it was left out"
        return self._replace(icc=None), [note]

    def stripped(self) -> "Metadata":
        """Return only what the pixels need: profile, PNG's colour declarations, and coding."""
        return self._replace(exif=None, xmp=None, extended_xmp=(), iptc=None, dpi=None, text=())

    def resized(self, size: Size) -> "Metadata":
        """Return the metadata for the same picture at another height and width."""
        exif, packet = self.exif and exif_tags.resized(self.exif, size), self.xmp
        if packet:
            from upsample_cli.images import xmp  # few pictures have it

            packet = xmp.resized(packet, size)
        return self._replace(exif=exif, xmp=packet)

    def losses(self, format: str) -> tuple[str, ...]:
        """Return the names of the metadata that a format cannot hold.

        Args:
            format: One of the values of `formats.FORMATS`.
        """
        held = _HELD.get(format, set())
        if format == "GIF" and b"\0" in (self.xmp or b""):  # a zero, as in UTF-16, ends a packet
            held = held - {"XMP"}
        if format == "AVIF" and self.exif and exif_directory.without_orientation(self.exif) is None:
            held = held - {"EXIF"}  # it is damaged
        return tuple(name for name in self._names() if name not in held)

    def _names(self) -> Iterator[str]:
        """Yield the name of each kind of metadata that is present and that a format may lose."""
        keys = {key for key, _ in self.text}
        own_gamma = self.gamma is not None and abs(self.gamma - _SRGB_GAMMA) > _SAME
        own_primaries = self.chromaticity is not None and any(
            abs(number - srgb) > _SAME
            for number, srgb in zip(self.chromaticity, _SRGB_CHROMATICITY, strict=False)
        )
        values: dict[str, object] = {
            "profile": self.icc, "EXIF": self.exif, "XMP": self.xmp, "dpi": self.dpi,
            "extended XMP": self.extended_xmp, "IPTC": self.iptc,
            "comment": "Comment" in keys, "text": keys - {"Comment"},
            "gamma": own_gamma and not self.icc,
            "cHRM": own_primaries and not self.icc and self.srgb is None,
        }  # fmt: skip
        yield from (name for name, value in values.items() if value)
        yield from (kind.decode() for kind, data in self.colours if (kind, data[:2]) != _CICP_SRGB)


def metadata_of(opened: PIL.Image.Image) -> Metadata:
    """Return the metadata that a picture read by Pillow has once it is turned upright."""
    info: dict[Any, Any] = opened.info
    exif, packet = exif_tags.exif_bytes(opened), _bytes(info.get("xmp"))
    orientation = exif_tags.orientation_of(opened)
    if opened.format == "TIFF":
        from upsample_cli.images import tiff_tags  # few pictures are TIFFs

        exif = tiff_tags.as_exif(opened.getexif())
    elif exif and orientation != 1:
        exif = exif_tags.with_upright_orientation(exif, orientation)
    if packet and orientation != 1:
        from upsample_cli.images import xmp  # few pictures have it

        packet = xmp.upright(packet, orientation)
    segments = [data for _, data in getattr(opened, "applist", [])]
    return Metadata(
        icc=(opened.mode != "LAB" and info.get("icc_profile")) or None,  # Lab becomes sRGB
        exif=exif,
        xmp=packet,
        extended_xmp=tuple(data for data in segments if data.startswith(_EXTENDED_XMP)),
        iptc=_iptc(opened),
        dpi=exif_tags.upright_dpi(exif_tags.dpi_of(opened), orientation),
        srgb=info.get("srgb"),
        gamma=info.get("gamma"),
        chromaticity=info.get("chromaticity"),
        colours=info.get("colours", ()),
        text=tuple(_text(opened)),
        coding=_coding(opened),
        lossless=(opened.format or "") if info.get("lossless") else "",
    )


def _iptc(opened: Any) -> bytes | None:
    """Return the IPTC of a JPEG or TIFF; None without IPTC, or if a TIFF has it in other types."""
    if opened.format == "TIFF":
        tags, kind = opened.tag_v2, opened.tag_v2.tagtype.get(exif_tags.IPTC)
        return tags[exif_tags.IPTC] if kind in _BYTES else None
    return opened.info.get("photoshop", {}).get(JPEG_IPTC) or None


def _text(opened: Any) -> Iterator[tuple[str, str]]:
    """Yield keys and values of a PNG's texts, or another format's comment under "Comment"."""
    if opened.format == "PNG":
        for key, value in opened.text.items():
            if key not in (_XMP_KEY, exif_tags.RAW_PROFILE):
                yield key.removeprefix(PNG_TEXT_PREFIX), str(value)
    elif comment := _bytes(opened.info.get("comment")):
        try:
            yield "Comment", comment.decode()
        except UnicodeDecodeError:  # written before UTF-8
            yield "Comment", comment.decode("latin-1")


def _coding(opened: PIL.Image.Image) -> JpegCoding | None:
    """Return how a JPEG was coded; None for other formats."""
    tables: dict[int, Any] = getattr(opened, "quantization", {})
    if not tables or opened.mode not in ("L", "RGB", "CMYK"):
        return None
    from PIL.JpegImagePlugin import get_sampling

    return JpegCoding(
        tuple(tuple(tables[key]) for key in sorted(tables)),
        get_sampling(opened),
        bool(opened.info.get("progressive")),
    )


def _bytes(text: Any) -> bytes | None:
    return text.encode("utf-8", "replace") if isinstance(text, str) else text
