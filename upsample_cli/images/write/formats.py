"""The formats that can be written, and which of them a target gets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import Place

if TYPE_CHECKING:  # NumPy is not loaded for --help
    from upsample_cli.planes import Size

FORMATS = {
    "png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP", "tiff": "TIFF", "tif": "TIFF",
    "bmp": "BMP", "gif": "GIF", "ppm": "PPM", "pgm": "PGM", "pnm": "PPM", "tga": "TGA",
    "avif": "AVIF", "jp2": "JPEG2000", "ico": "ICO",
}  # fmt: skip
"""Words of --format and suffixes, and the format of each by Pillow's name; PGM is a grey anymap."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEFAULT_COMPRESSION = 2
"""The compression of a PNG, 0..9."""

KEPT = {word: format for word, format in FORMATS.items() if format != "ICO"}
"""The formats that outputs have by themselves, as their inputs do; icons would be too large."""

WITH_QUALITY = {"JPEG", "WEBP", "AVIF"}
WITH_LOSSLESS = {"WEBP", "AVIF"}
"""The formats of pictures with and without loss."""

_LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "TGA": 65535, "AVIF": 65536,
                 "ICO": 256}  # fmt: skip


class Encoding(NamedTuple):
    """How outputs are written.

    Args:
        format: A word of `FORMATS` for outputs whose name has no suffix.
        quality: 1..100, for the formats of `WITH_QUALITY`.
        compression: 0..9 for PNG; None for the default.
        lossless: Whether WebP and AVIF are written without loss; if not, as the source was.
        background: What transparency is laid on, red, green and blue, 0..255; None to keep it.
    """

    format: str | None = None
    quality: int | None = None
    compression: int | None = None
    lossless: bool = False
    background: tuple[int, int, int] | None = None

    @classmethod
    def of(cls, background: str | None, **options: Any) -> "Encoding":
        """Return the encoding that options of the command line make.

        Raises:
            SettingError: The background is no colour, or two options contradict each other.
        """
        if options["lossless"] and options["quality"] is not None:
            raise SettingError("--lossless has no --quality; leave one out")
        if background is None:
            return cls(**options)
        from PIL import ImageColor

        try:
            red, green, blue, *rest = ImageColor.getrgb(background)
            if rest:
                raise ValueError(background)
        except ValueError as error:
            fault = f"--background {background} is no opaque colour; give white, or #rrggbb"
            raise SettingError(fault) from error
        return cls(**options, background=(red, green, blue))

    def is_lossless(self, source: bool) -> bool:
        """Return whether WebP and AVIF are written without loss, given if the source has none."""
        return self.lossless or (source and self.quality is None)

    @property
    def deflate(self) -> int:
        """The compression of a PNG, 0..9."""
        return DEFAULT_COMPRESSION if self.compression is None else self.compression


def format_of(target: Place, word: str | None, source: str) -> str:
    """Return the format to write: by suffix, else by --format, else the source's.

    Raises:
        ImageFileError: The suffix is none of `FORMATS`, and there is no --format.
    """
    suffix = target.suffix[1:]
    if suffix in FORMATS:
        return FORMATS[suffix]
    if word is not None:
        return FORMATS[word]
    if suffix:
        raise ImageFileError(f"no format '.{suffix}' to write {target}; use .png or pass --format")
    return source if source in KEPT.values() else "PNG"


def unused_options(target: Place, encoding: Encoding) -> Iterator[str]:
    """Yield a note on each option that has no effect on the format of a target.

    Raises:
        ImageFileError: The suffix is none of `FORMATS`, and there is no --format.
    """
    word = encoding.format
    if target.is_stream and word is None:
        return  # the format will be the source's
    format = format_of(target, word, "PNG")
    if word is not None and FORMATS.get(word) != format:
        yield f"--format is for names without a suffix; {target} becomes a {format}"
    if encoding.quality is not None and format not in WITH_QUALITY:
        yield f"--quality is for JPEG, WebP and AVIF; {format} has none"
    if encoding.compression is not None and format != "PNG":
        yield f"--compression is for PNG; {format} has none"
    if encoding.lossless and format not in WITH_LOSSLESS:
        yield f"--lossless is for WebP and AVIF; {format} has none"


def check_size(format: str, size: "Size") -> None:
    """Raise ImageFileError if a picture of this height and width is too large for a format."""
    height, width = size
    if max(size) > _LARGEST_SIDE.get(format, max(size)):
        raise ImageFileError(f"{format} cannot hold {width}x{height} pixels; write a PNG or TIFF")
