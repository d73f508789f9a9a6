"""An animated PNG: the chunks that stand around and between the frames of `png.py`.

Source: W3C, "Portable Network Graphics (PNG) specification (third edition)", APNG.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from struct import pack

from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.write import png
from upsample_cli.images.write.png_metadata import chunk
from upsample_cli.planes import Size

_LONGEST = 65535  # of numerator and denominator
_REPLACE = 0, 0  # a frame leaves itself behind, and takes the place of all before it


def head(size: Size, channels: int, metadata: Metadata, frames: int, plays: int) -> bytes:
    """Return all that stands before the frames.

    Args:
        size: Height and width.
        channels: 3 RGB, 4 with alpha.
        metadata: What else to tell.
        frames: How many there are.
        plays: How often it is played; 0 for endlessly.
    """
    return png.start(size, channels, 8, metadata, chunk(b"acTL", pack(">II", frames, plays)))


class Sequence:
    """Numbers the chunks of frames, all of them in one row."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._number = 0
        self._frames = 0

    def frame(self, pieces: Iterable[png.Piece], milliseconds: float) -> Iterator[bytes]:
        """Yield the chunks of a frame.

        Args:
            pieces: Its strips.
            milliseconds: How long it is shown.
        """
        height, width = self._size
        delay = Fraction(min(milliseconds / 1000, _LONGEST)).limit_denominator(_LONGEST)
        if delay.numerator > _LONGEST:  # over a second, and in odd parts of it
            delay = Fraction(round(delay * 1000), 1000).limit_denominator(_LONGEST // 65)
        shown = min(delay.numerator, _LONGEST), delay.denominator
        yield chunk(b"fcTL", pack(">5I2H2B", self._next(), width, height, 0, 0, *shown, *_REPLACE))
        checksum = png.Checksum()
        yield self._data(png.ZLIB_HEAD)
        for piece in pieces:
            checksum.add(piece)
            # The default picture, shown where animations are not known, is the first frame.
            yield piece.chunk if self._frames == 0 else self._data(piece.data)
        yield self._data(pack(">I", checksum.value))
        self._frames += 1

    def _data(self, data: bytes | memoryview) -> bytes:
        if self._frames == 0:
            return chunk(b"IDAT", bytes(data))
        return chunk(b"fdAT", pack(">I", self._next()) + data)

    def _next(self) -> int:
        self._number += 1
        return self._number - 1


TAIL = chunk(b"IEND", b"")
