"""A GIF enlarged as it is stored: only the indices in its frames change.

Palettes, transparency, disposal, times, loops and comments stay as they are, byte for byte, and so
does each frame's part of the canvas, enlarged.

Source: CompuServe, "Graphics Interchange Format, version 89a".
"""

import io
from collections.abc import Iterator
from struct import pack, unpack
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.GifImagePlugin import getdata

_SCREEN_BYTES, _FRAME_BYTES = 13, 10  # of the heads of file and frame
_EXTENSION, _FRAME, _END = b"!", b",", b";"
_HAS_TABLE, _IS_INTERLACED, _TABLE_SIZE = 0x80, 0x40, 0x07
_COMMENT, _APPLICATION = b"\xfe", b"\xff"
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
# Any palette but a ramp of greys, which Pillow would leave out.
_TABLE = bytes(768)

Index = NDArray[np.int64]


def enlarged(data: bytes, rows: Index, columns: Index, strip: bool) -> Iterator[bytes]:
    """Yield a GIF in parts, each pixel of its canvas a copy of one of the input's.

    Args:
        data: The input, a file that has been read without an error.
        rows: For each output row, the row of the canvas that it copies; never falling.
        columns: Likewise.
        strip: Whether to leave out comments and other metadata.
    """
    file = io.BytesIO(data)
    screen = file.read(_SCREEN_BYTES)
    yield screen[:6] + pack("<HH", len(columns), len(rows)) + screen[10:]
    yield file.read(_table_bytes(screen[10]))
    while (kind := file.read(1)) in (_EXTENSION, _FRAME):
        if kind == _FRAME:
            yield _frame(file, rows, columns)
            continue
        label, blocks = file.read(1), _blocks(file)
        is_metadata = label == _COMMENT or (
            label == _APPLICATION and not blocks[1:].startswith(_LOOPS)
        )
        if not (strip and is_metadata):
            yield kind + label + blocks
    yield _END


def _frame(file: io.BytesIO, rows: Index, columns: Index) -> bytes:
    """Return the next frame enlarged, from its head to its last block."""
    left, top, width, height, flags = unpack("<4HB", file.read(_FRAME_BYTES - 1))
    table = file.read(_table_bytes(flags))
    indices = _decoded(file.read(1) + _blocks(file), width, height, flags & _IS_INTERLACED)
    down = rows[(rows >= top) & (rows < top + height)] - top
    across = columns[(columns >= left) & (columns < left + width)] - left
    picture = PIL.Image.fromarray(indices[np.ix_(down, across)])
    place = int(np.searchsorted(columns, left)), int(np.searchsorted(rows, top))
    head, *encoded = getdata(picture, place)
    head = head[: _FRAME_BYTES - 1] + bytes([flags & ~_IS_INTERLACED])
    return head + table + b"".join(encoded)


def _decoded(pixels: bytes, width: int, height: int, interlaced: int) -> NDArray[Any]:
    """Return the indices that a frame's blocks stand for."""
    screen = pack("<6sHHBBB", b"GIF89a", width, height, _HAS_TABLE | _TABLE_SIZE, 0, 0)
    head = _FRAME + pack("<4HB", 0, 0, width, height, interlaced)
    with PIL.Image.open(io.BytesIO(screen + _TABLE + head + pixels + _END), formats=["GIF"]) as one:
        return np.asarray(one)


def _table_bytes(flags: int) -> int:
    """Return the length of the table of colours that flags announce."""
    return 3 << (flags & _TABLE_SIZE) + 1 if flags & _HAS_TABLE else 0


def _blocks(file: io.BytesIO) -> bytes:
    """Read blocks up to the empty one that ends them."""
    start = file.tell()
    while length := (file.read(1) or b"\0")[0]:  # a file may lack its end
        file.seek(length, io.SEEK_CUR)
    return file.getvalue()[start : file.tell()]
