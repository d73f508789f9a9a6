"""The blocks of a GIF, and a GIF enlarged as it is stored: only the indices in its frames change.

Palettes, transparency, disposal, times, loops and comments stay as they are, byte for byte, and so
does each frame's part of the canvas, enlarged.

Source: CompuServe, "Graphics Interchange Format, version 89a".
"""

import io
from collections.abc import Iterator
from struct import pack, unpack_from
from typing import TYPE_CHECKING, TypeAlias

import PIL.Image
from PIL.GifImagePlugin import GifImageFile, getdata

if TYPE_CHECKING:  # decoding begins before NumPy has loaded
    import numpy as np
    from numpy.typing import NDArray

    Index: TypeAlias = NDArray[np.int64]

FRAME, CONTROL, APPLICATION = 0x2C, 0xF9, 0xFF
"""The first byte of a frame, and the second of two extensions."""

_EXTENSION, _TRAILER, _COMMENT, _IS_INTERLACED = 0x21, 0x3B, 0xFE, 0x40
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
# Any palette but a ramp of greys, which Pillow would leave out.
_TABLE_OF_256 = 0x87, bytes(768)


def head_length(data: bytes) -> int:
    """Return how many bytes come before the first block."""
    return 13 + _table_length(data[10])


def blocks(data: bytes) -> Iterator[bytes]:
    """Yield each frame and extension of a GIF whole.

    Raises:
        IndexError: It ends too early.
    """
    at = head_length(data)
    while at < len(data) and data[at] != _TRAILER:
        begin = at
        if data[at] in (FRAME, _EXTENSION):
            is_frame = data[at] == FRAME
            at = _end(data, at + 11 + _table_length(data[at + 9]) if is_frame else at + 2)
            yield data[begin:at]
        else:
            at += 1


def enlarged(data: bytes, rows: "Index", columns: "Index", strip: bool) -> Iterator[bytes]:
    """Yield a GIF in parts, each pixel of its canvas a copy of one of the input's.

    Args:
        data: The input, a file that has been read without an error.
        rows: For each output row, the row of the canvas that it copies; never falling.
        columns: Likewise.
        strip: Whether to leave out comments and other metadata.
    """
    yield data[:6] + pack("<HH", len(columns), len(rows)) + data[10 : head_length(data)]
    for block in blocks(data):
        if block[0] == FRAME:
            yield _frame(block, rows, columns)
        elif not strip or not (
            block[1] == _COMMENT or (block[1] == APPLICATION and block[3:14] not in _LOOPS)
        ):
            yield block
    yield bytes([_TRAILER])


def _frame(block: bytes, rows: "Index", columns: "Index") -> bytes:
    """Return a frame enlarged, from its head to its last block."""
    import numpy as np

    left, top, width, height, flags = unpack_from("<4HB", block, 1)
    start = 10 + _table_length(flags)
    kind, table = _TABLE_OF_256
    screen = b"GIF89a" + pack("<HHBBB", width, height, kind, 0, 0) + table
    place = pack("<B4HB", FRAME, 0, 0, width, height, flags & _IS_INTERLACED)
    with GifImageFile(io.BytesIO(screen + place + block[start:] + b";")) as opened:
        indices = np.asarray(opened)
    down = rows[(rows >= top) & (rows < top + height)] - top
    across = columns[(columns >= left) & (columns < left + width)] - left
    picture = PIL.Image.fromarray(indices[np.ix_(down, across)])
    corner = int(np.searchsorted(columns, left)), int(np.searchsorted(rows, top))
    head, *encoded = getdata(picture, corner)
    return head[:9] + bytes([flags & ~_IS_INTERLACED]) + block[10:start] + b"".join(encoded)


def _table_length(flags: int) -> int:
    """Return the bytes of the table of colours that flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end(data: bytes, at: int) -> int:
    """Return where the parts end that begin at an offset; the zero after them may be missing."""
    begin = at
    while (at == begin or at != len(data)) and data[at]:
        at += data[at] + 1
    return at + 1
