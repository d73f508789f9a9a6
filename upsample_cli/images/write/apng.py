"""An animated PNG, written frame by frame with the strips of `png.py`.

Pillow's own writer keeps all frames in memory and joins frames that are alike.

Source: W3C, "Portable Network Graphics (PNG) specification (third edition)", APNG.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from struct import pack

from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.write import png
from upsample_cli.images.write.formats import PNG_SIGNATURE
from upsample_cli.images.write.png import chunk
from upsample_cli.planes import Size

TRAILER = chunk(b"IEND", b"")
_LONGEST = 65535  # numerator and denominator of a duration in seconds
_REPLACE = 0, 0  # a frame stays until the next, and replaces all pixels before it


def header(size: Size, channels: int, metadata: Metadata, frames: int, plays: int) -> bytes:
    """Return everything before the first frame.

    Args:
        size: Height and width.
        channels: 3 RGB, 4 with alpha.
        metadata: What to write beside the pixels.
        frames: How many there are.
        plays: How often the animation is played; 0 for endlessly.
    """
    control = chunk(b"acTL", pack(">II", frames, plays))
    start = PNG_SIGNATURE + png.image_header(size, channels, bits=8)
    return start + control + png.metadata_chunks(metadata)


class FrameEncoder:
    """Encodes the frames of one animation in order, and numbers their chunks.

    Args:
        size: Height and width of every frame.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        self._next_number = 0
        self._frames = 0

    def chunks(self, strips: Iterable[png.PngStrip], milliseconds: float) -> Iterator[bytes]:
        """Yield the chunks of the next frame."""
        height, width = self._size
        duration = _seconds(milliseconds)
        yield chunk(
            b"fcTL", pack(">5I2H2B", self._number(), width, height, 0, 0, *duration, *_REPLACE)
        )
        checksum = png.Checksum()
        yield self._data(png.ZLIB_HEADER)
        for strip in strips:
            checksum.add(strip)
            # Programs that know no animations show the first frame.
            yield strip.chunk if self._frames == 0 else self._data(strip.data)
        yield self._data(pack(">I", checksum.value))
        self._frames += 1

    def _data(self, data: bytes | memoryview) -> bytes:
        if self._frames == 0:
            return chunk(b"IDAT", bytes(data))
        return chunk(b"fdAT", pack(">I", self._number()) + data)

    def _number(self) -> int:
        self._next_number += 1
        return self._next_number - 1


def _seconds(milliseconds: float) -> tuple[int, int]:
    """Return a duration as a fraction: numerator and denominator, in seconds."""
    delay = Fraction(min(milliseconds / 1000, _LONGEST)).limit_denominator(_LONGEST)
    if delay.numerator > _LONGEST:  # over a second, and no simple fraction
        delay = Fraction(round(delay * 1000), 1000).limit_denominator(_LONGEST // 65)
    return min(delay.numerator, _LONGEST), delay.denominator
