"""The formats that can be written: which one a target gets, and what each cannot hold."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import Place

if TYPE_CHECKING:  # NumPy is not loaded for --help
    from upsample_cli.images.image import Image
    from upsample_cli.images.metadata import Metadata
    from upsample_cli.planes import Size

FORMATS = {
    "png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP", "tiff": "TIFF", "tif": "TIFF",
    "bmp": "BMP", "gif": "GIF", "ppm": "PPM", "pgm": "PGM", "pnm": "PPM", "tga": "TGA",
    "avif": "AVIF", "jp2": "JPEG2000", "ico": "ICO",
}  # fmt: skip
"""Suffixes and words of --format, with Pillow's name of the format; PGM, for grey, is our own."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

KEPT_FORMATS = {word: format for word, format in FORMATS.items() if format != "ICO"}
"""The formats that an output takes over from its input; icons would become too large."""

WITH_QUALITY = {"JPEG", "WEBP", "AVIF"}
WITH_LOSSLESS = {"WEBP", "AVIF"}
"""The formats that can be written with or without loss."""

# Pixels; the sides of other formats are not checked.
_LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "TGA": 65535, "AVIF": 32768,
                 "ICO": 256}  # fmt: skip
_16_BITS = {"PNG", "TIFF", "PPM", "PGM"}
_ALWAYS_RGB = {"WEBP", "AVIF", "GIF"}  # even of a grey picture
_CMYK = {"JPEG", "TIFF"}
_NO_ALPHA = {"JPEG", "BMP", "PPM", "PGM"}
# Bytes that fit into one segment of a JPEG.
_LONGEST_EXIF, _LONGEST_XMP, _LONGEST_IPTC = 65_527, 65_504, 65_500
_EXTENDED_WEBP = b"WEBPVP8X"  # from byte 8 on
_FLAGS, _ALPHA_FLAG = 20, 0x10  # offset of a WebP's flags; the flag for transparency


class Encoding(NamedTuple):
    """How outputs are encoded.

    Args:
        format: A word of `FORMATS`, for outputs whose name has no suffix of `FORMATS`.
        quality: 1..100, for the formats of `WITH_QUALITY`.
        compression: 0..9 for PNG; None for the default.
        lossless: Whether WebP and AVIF have to be lossless; if not, see `is_lossless`.
        background: Red, green and blue, 0..255, to lay transparent pictures on; None keeps them.
    """

    format: str | None = None
    quality: int | None = None
    compression: int | None = None
    lossless: bool = False
    background: tuple[int, int, int] | None = None

    @classmethod
    def of(cls, background: str | None, **options: Any) -> "Encoding":
        """Return the encoding for command-line options; `background` is a colour as text.

        Raises:
            SettingError: The background is not a colour, or two options contradict each other.
        """
        if options["lossless"] and options["quality"] is not None:
            raise SettingError("--lossless and --quality cannot be used together; leave one out")
        if background is None:
            return cls(**options)
        from PIL import ImageColor

        try:
            red, green, blue, *opacity = ImageColor.getrgb(background)
            if opacity:
                raise ValueError(background)
        except ValueError as error:
            fault = f"invalid --background '{background}'; give an opaque colour: white, or #rrggbb"
            raise SettingError(fault) from error
        return cls(**options, background=(red, green, blue))

    def is_lossless(self, format: str, source: str) -> bool:
        """Return whether WebP and AVIF are written losslessly: if asked, or as the input was.

        From a lossless WebP an AVIF is lossy, for a lossless AVIF holds no metadata.
        """
        is_kept = source in (format, "AVIF") and format in WITH_LOSSLESS
        return self.lossless or (is_kept and self.quality is None)

    @property
    def deflate(self) -> int:
        """The compression level of a PNG, 0..9: as given, or the default, 2."""
        return 2 if self.compression is None else self.compression


def format_of(target: Place, word: str | None, source: str) -> str:
    """Return the format to write: by suffix, else by --format, else the source's, else PNG.

    Raises:
        ImageFileError: The suffix is not in `FORMATS`, and --format is not given.
    """
    suffix = target.suffix[1:]
    if suffix in FORMATS:
        return FORMATS[suffix]
    if word is not None:
        return FORMATS[word]
    if suffix:
        raise ImageFileError(
            f"no format '.{suffix}' to write {target}; use .png, or enlarge with --format"
        )
    return source if source in KEPT_FORMATS.values() else "PNG"


def unused_options(target: Place, encoding: Encoding) -> Iterator[str]:
    """Yield a note on each option that has no effect on a target, because of its format.

    Raises:
        ImageFileError: The suffix is not in `FORMATS`, and --format is not given.
    """
    word = encoding.format
    if target.is_stream and word is None:
        return  # the format will be the source's
    format = format_of(target, word, "PNG")
    if word is not None and FORMATS.get(word) != format:
        yield f"--format is for names without a suffix; {target} becomes a {format}"
    if encoding.quality is not None and format not in WITH_QUALITY:
        yield f"--quality is for JPEG, WebP and AVIF; it does nothing for {format}"
    if encoding.compression is not None and format != "PNG":
        yield f"--compression is for PNG; it does nothing for {format}"
    if encoding.lossless and format not in WITH_LOSSLESS:
        yield f"--lossless is for WebP and AVIF; it does nothing for {format}"


def check_size(format: str, size: "Size") -> None:
    """Raise an `ImageFileError` if a height or width, in pixels, is too large for a format."""
    height, width = size
    if max(size) > _LARGEST_SIDE.get(format, max(size)):
        raise ImageFileError(f"{format} cannot hold {width}x{height} pixels; write a PNG or TIFF")


def fitted_to_format(
    image: "Image",
    format: str,
    encoding: Encoding = Encoding(),  # noqa: B008 # it is frozen
) -> "tuple[Image, tuple[str, ...]]":
    """Return a picture reduced to what a format can hold, and notes on what is lost.

    A background replaces transparency. `gif.rounding_note` notes colours that are lost in a GIF.

    Raises:
        ImageFileError: The picture has transparency, colours, or numbers beyond 0..1, which the
            format cannot hold.
    """
    notes = []
    background = encoding.background
    is_hidden = background is not None and image.palette is not None and image.palette.opacity
    if image.palette and (is_hidden or not image.palette.fits(format)):
        samples, note = image.palette.expanded(image.samples)
        image = image._replace(samples=samples, palette=None)
        notes.append(note)
    if image.is_cmyk and format not in _CMYK:
        from upsample_cli.images import profiles  # seldom needed

        image, how = profiles.to_srgb(image)
        notes.append(f"{format} cannot hold CMYK, so it became sRGB {how}")
    image = _fit_opacity(image, format, background)
    if image.channels > 2 and format == "PGM":
        raise ImageFileError("PGM cannot hold colour; write a .ppm or .pnm")
    has_palette = image.palette is not None and not image.palette.is_bilevel
    if image.channels > 2 or has_palette or format in _ALWAYS_RGB:
        metadata, words = image.metadata.without_grey_profile()
        image = image._replace(metadata=metadata)
        notes += words
    if format == "JPEG":
        metadata, words = _fit_segments(image.metadata)
        image = image._replace(metadata=metadata)
        notes += words
    kind = format
    if format == "AVIF" and encoding.is_lossless(format, image.metadata.lossless):
        kind = "lossless AVIF"
    notes += [
        f"{kind} cannot hold its {word}, so it was left out" for word in image.metadata.losses(kind)
    ]
    image, words = _fit_depth(image, format)
    return image, (*notes, *words)


def _fit_opacity(image: "Image", format: str, background: tuple[int, int, int] | None) -> "Image":
    """Return a picture laid on `background`, or without opacity if the format cannot hold it."""
    if not image.has_alpha:
        return image
    if background is not None:
        from upsample_cli.images import levels

        return image._replace(samples=levels.composited(image.samples, background))
    if format not in _NO_ALPHA:
        return image
    if (image.samples[..., -1] != image.peak).any():
        raise ImageFileError(
            f"{format} cannot hold transparency; write a PNG, WebP or TIFF, or enlarge with "
            "--background"
        )
    return image._replace(samples=image.samples[..., :-1])


def _fit_depth(image: "Image", format: str) -> "tuple[Image, list[str]]":
    """Return a picture with samples that a format can hold, and a note if they were rounded."""
    bits, is_float = 16 if format in _16_BITS else 8, image.dtype.kind == "f"
    if format == "TIFF" or (image.bits <= bits and not is_float):
        return image, []
    if is_float and (image.samples.min() < 0 or image.samples.max() > 1):
        fault = f"{format} cannot hold these samples, which lie beyond 0..1"
        raise ImageFileError(f"{fault}; write a TIFF")
    from upsample_cli.images import levels

    note = f"{format} holds 8 bits a sample, so 16 were rounded"
    if is_float:
        note = f"{format} cannot hold floating-point samples, so they were rounded to {bits} bits"
    return image._replace(samples=levels.rounded(image.samples, bits)), [note]


def _fit_segments(metadata: "Metadata") -> "tuple[Metadata, list[str]]":
    """Return the metadata that fit into the segments of a JPEG, and notes on what is lost."""
    from upsample_cli.images.exif import without_thumbnail

    exif, xmp, notes = metadata.exif, metadata.xmp, []
    if exif and len(exif) > _LONGEST_EXIF:
        exif, what = without_thumbnail(exif), "the thumbnail in it was left out"
        if len(exif) > _LONGEST_EXIF:
            exif, what = None, "it was left out"
        notes.append(f"its EXIF is too long for a JPEG, so {what}")
    if xmp and len(xmp) > _LONGEST_XMP:
        xmp = None
        notes.append("its XMP is too long for a JPEG, so it was left out")
    iptc = metadata.iptc
    if iptc and len(iptc) > _LONGEST_IPTC:
        iptc = None
        notes.append("its IPTC is too long for a JPEG, so it was left out")
    return metadata._replace(exif=exif, xmp=xmp, iptc=iptc), notes


def with_alpha_flag(data: bytes) -> bytes:
    """Return an extended WebP, as animated ones are, with its alpha flag set, others unchanged.

    The encoder crops the transparent border of a frame, and then sets the flag only if pixels
    inside are transparent too.
    """
    if data[8:16] != _EXTENDED_WEBP:
        return data
    return data[:_FLAGS] + bytes([data[_FLAGS] | _ALPHA_FLAG]) + data[_FLAGS + 1 :]
