"""What a picture's file says beside its pixels, and which formats can say it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from upsample_cli.images.metadata import exif as exif_tags
from upsample_cli.images.metadata import xmp as xmp_packet

if TYPE_CHECKING:  # as in exif.py
    import PIL.Image

    from upsample_cli.planes import Size

_SRGB_GAMMA = 0.45455
_CICP_SRGB = b"cICP", b"\x01\x0d"  # its primaries and curve
_XMP_KEY = "XML:com.adobe.xmp"
_HELD = {
    "PNG": {"profile", "EXIF", "XMP", "dpi", "comment", "text", "gamma", "cICP", "mDCV", "cLLI"},
    "JPEG": {"profile", "EXIF", "XMP", "dpi", "comment", "IPTC", "extended XMP"},
    "WEBP": {"profile", "EXIF", "XMP", "dpi"},
    "TIFF": {"profile", "EXIF", "XMP", "dpi", "IPTC"},
    "BMP": {"dpi"},
    "GIF": {"comment"},
}


class Coding(NamedTuple):
    """How a JPEG was coded.

    Args:
        tables: Its quantisation tables of 64 numbers, which set the quality.
        subsampling: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0; -1 for another.
        progressive: Whether it comes in scans of rising quality.
    """

    tables: tuple[tuple[int, ...], ...]
    subsampling: int
    progressive: bool


class Metadata(NamedTuple):
    """What a file says beside its pixels.

    Args:
        icc: The colour profile.
        exif: A TIFF structure, without the "Exif" mark before it; its orientation is 1.
        xmp: An XMP packet.
        extended_xmp: Segments of a JPEG with more of it.
        iptc: Records of IPTC.
        dpi: Dots per inch along and down.
        srgb: PNG's rendering intent, where the file declares sRGB.
        gamma: PNG's gamma, where it declares one.
        chromaticity: PNG's white point and primaries, x and y of each, where it declares them.
        colours: Kind and data of PNG's chunks cICP, mDCV and cLLI, which tell primaries and curve
            of wide colours and HDR.
        text: Keys and values of text chunks and comments.
        coding: How the pixels were coded, if as a JPEG.
        lossless: Whether they were coded without loss, if as a WebP.
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
    coding: Coding | None = None
    lossless: bool = False

    @property
    def comment(self) -> str | None:
        """The text under "Comment", the only key that other formats than PNG know."""
        return dict(self.text).get("Comment")

    def stripped(self) -> "Metadata":
        """Return only what the pixels need: profile, what PNG says of colours, and coding."""
        return self._replace(exif=None, xmp=None, extended_xmp=(), iptc=None, dpi=None, text=())

    def resized(self, size: "Size") -> "Metadata":
        """Return what to say of the same picture in another size: height and width."""
        return self._replace(
            exif=self.exif and exif_tags.resized(self.exif, size),
            xmp=self.xmp and xmp_packet.resized(self.xmp, size),
        )

    def lost(self, format: str) -> tuple[str, ...]:
        """Return the words for what a format cannot say, of what there is to say.

        Args:
            format: One of the values of `formats.FORMATS`.
        """
        held = _HELD.get(format, set())
        return tuple(word for word in self._said() if word not in held)

    def _said(self) -> Iterator[str]:
        keys = {key for key, _ in self.text}
        own_gamma = self.gamma is not None and abs(self.gamma - _SRGB_GAMMA) > 1e-3
        yield from (
            word
            for word, there in {
                "profile": self.icc, "EXIF": self.exif, "XMP": self.xmp, "dpi": self.dpi,
                "extended XMP": self.extended_xmp, "IPTC": self.iptc,
                "comment": "Comment" in keys, "text": keys - {"Comment"},
                "gamma": own_gamma and not self.icc,
            }.items()
            if there
        )  # fmt: skip
        yield from (kind.decode() for kind, data in self.colours if (kind, data[:2]) != _CICP_SRGB)


def of(opened: "PIL.Image.Image", exif: bytes | None, upright: bool) -> Metadata:
    """Return the metadata of a picture that Pillow has read.

    Args:
        opened: The picture.
        exif: Its EXIF, with orientation 1.
        upright: Whether it has been turned as its EXIF said.
    """
    info: dict[Any, Any] = opened.info
    xmp = _bytes(info.get("xmp"))
    told = Metadata(
        icc=(opened.mode != "LAB" and info.get("icc_profile")) or None,  # Lab becomes sRGB
        exif=exif,
        xmp=xmp_packet.upright(xmp) if xmp and upright else xmp,
        iptc=exif_tags.iptc(getattr(opened, "tag_v2", None)),
        dpi=_dpi(info.get("dpi")) or dpi_of(exif_tags.tags(opened) if exif else {}),
        srgb=info.get("srgb"),
        gamma=info.get("gamma"),
        chromaticity=info.get("chromaticity"),
        colours=info.get("colours", ()),
        text=tuple(_text(opened)),
        coding=_coding(opened),
        lossless=info.get("lossless", False),
    )
    if "photoshop" in info or b"HasExtendedXMP" in (xmp or b""):
        from upsample_cli.images.metadata import jpeg_segments  # few pictures have any

        return told._replace(
            iptc=jpeg_segments.iptc(opened), extended_xmp=jpeg_segments.extended_xmp(opened)
        )
    return told


def _text(opened: Any) -> Iterator[tuple[str, str]]:
    if opened.format == "PNG":
        for key, value in opened.text.items():
            if key not in (_XMP_KEY, exif_tags.RAW):
                yield key, str(value)
    elif comment := _bytes(opened.info.get("comment")):
        try:
            yield "Comment", comment.decode()
        except UnicodeDecodeError:  # from before UTF-8
            yield "Comment", comment.decode("latin-1")


def _coding(opened: "PIL.Image.Image") -> Coding | None:
    tables: dict[int, Any] = getattr(opened, "quantization", {})
    if not tables or opened.mode not in ("L", "RGB", "CMYK"):
        return None
    from PIL.JpegImagePlugin import get_sampling

    return Coding(
        tuple(tuple(tables[key]) for key in sorted(tables)),
        get_sampling(opened),
        bool(opened.info.get("progressive")),
    )


def dpi_of(exif: Any) -> tuple[float, float] | None:
    """Return the resolution that EXIF tells, in dots per inch."""
    along, down, unit = exif.get(0x011A), exif.get(0x011B), exif.get(0x0128, 2)
    found = _dpi((along, down)) if unit in (2, 3) else None
    return (found[0] * 2.54, found[1] * 2.54) if found and unit == 3 else found


def _dpi(dpi: Any) -> tuple[float, float] | None:
    try:
        along, down = (float(each) for each in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    # Files that say 1 say that they do not know: some decoders' word for no resolution.
    return (along, down) if 1 < along < 1e6 and 1 < down < 1e6 else None


def _bytes(text: Any) -> bytes | None:
    return text.encode("utf-8", "replace") if isinstance(text, str) else text
