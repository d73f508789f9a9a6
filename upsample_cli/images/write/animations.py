"""Animations that Pillow's own writers would keep whole in memory: APNG, WebP and AVIF.

The frames of a PNG are made of the strips of `png.py`; Pillow's writer joins frames that are alike.
Its encoder of WebP does not announce the transparency around frames.

Source: W3C, "Portable Network Graphics (PNG) specification (third edition)", APNG; RFC 9649, "WebP
Image Format".
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import count
from struct import pack
from typing import Any

import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.write import encode, png
from upsample_cli.images.write.formats import PNG_SIGNATURE, Encoding, with_alpha_flag
from upsample_cli.images.write.png import chunk
from upsample_cli.planes import Size

_LONGEST = 65535  # numerator and denominator of a duration in seconds
_REPLACE = 0, 0  # a frame stays until the next, and replaces all pixels before it


def encode_png(
    frames: Iterable[tuple[Iterable[png.PngStrip], float]],
    number: int,
    size: Size,
    channels: int,
    plays: int,
    metadata: Metadata,
) -> Iterator[bytes]:
    """Yield an animated PNG in parts.

    Args:
        frames: The strips of each frame, and how long it is shown, in milliseconds.
        number: How many frames there are.
        size: Height and width of every frame.
        channels: 3 RGB, 4 with alpha.
        plays: How often the animation is played; 0 for endlessly.
        metadata: What to write beside the pixels.
    """
    places = count()

    def placed(kind: bytes, data: bytes | memoryview) -> bytes:
        """Return a chunk that states its place among all that do."""
        return chunk(kind, pack(">I", next(places)) + data)

    yield PNG_SIGNATURE + png.image_header(size, channels, bits=8)
    yield chunk(b"acTL", pack(">II", number, plays)) + png.metadata_chunks(metadata)
    for index, (strips, milliseconds) in enumerate(frames):
        duration = _seconds(milliseconds)
        yield placed(b"fcTL", pack(">4I2H2B", *size[::-1], 0, 0, *duration, *_REPLACE))
        # Programs that know no animations show the first frame.
        part = partial(placed, b"fdAT") if index else partial(chunk, b"IDAT")
        checksum = png.Checksum()
        yield part(png.ZLIB_HEADER)
        for strip in strips:
            checksum.add(strip)
            yield part(strip.data)
        yield part(pack(">I", checksum.value))
    yield chunk(b"IEND", b"")


def _seconds(milliseconds: float) -> tuple[int, int]:
    """Return a duration as a fraction: numerator and denominator, in seconds."""
    delay = Fraction(min(milliseconds / 1000, _LONGEST)).limit_denominator(_LONGEST)
    if delay.numerator > _LONGEST:  # over a second, and no simple fraction
        delay = Fraction(round(delay * 1000), 1000).limit_denominator(_LONGEST // 65)
    return min(delay.numerator, _LONGEST), delay.denominator


def encode_webp_or_avif(
    format: str,
    frames: Iterator[PIL.Image.Image],
    durations: Sequence[float],
    plays: int,
    metadata: Metadata,
    encoding: Encoding,
) -> bytes:
    """Return an animated WebP or AVIF as a file; one frame at a time is in memory.

    Args:
        format: "WEBP" or "AVIF".
        frames: Of mode RGB or RGBA, all of one size.
        durations: How long each frame is shown, in milliseconds.
        plays: How often the animation is played; 0 for endlessly.
        metadata: What to write beside the pixels.
        encoding: As for `encode.save`.

    Raises:
        ImageFileError: The format cannot hold it, or Pillow was built without the format.
    """
    if format == "AVIF" and encoding.lossless:
        raise ImageFileError("an animated AVIF cannot be lossless; write a WebP or PNG")
    first, file = next(frames), io.BytesIO()
    later = _LaterFrames(frames, len(durations) - 1)
    with encode.encoding_errors(format, "this animation"):
        first.save(
            file, format, save_all=True, append_images=[later], loop=plays,
            duration=list(map(round, durations)),
            **encode.options_for(format, metadata, encoding),
        )  # fmt: skip
    return with_alpha_flag(file.getvalue()) if first.mode == "RGBA" else file.getvalue()


class _LaterFrames:
    """A picture of several frames for Pillow's encoder; `seek` computes the next frame.

    Pillow makes a list of `append_images`, so a generator of pictures would be held in memory.

    Args:
        frames: The frames, in order.
        count: How many there are.
    """

    def __init__(self, frames: Iterator[PIL.Image.Image], count: int) -> None:
        self.n_frames = count
        self._frames = frames
        self._frame: PIL.Image.Image | None = None

    def seek(self, index: int) -> None:
        """Go on to the next frame."""
        self._frame = next(self._frames)

    def __getattr__(self, name: str) -> Any:
        """Behave as the current frame."""
        return getattr(self._frame, name)
