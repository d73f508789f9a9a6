"""Write a JPEG run by run of rows, without holding the whole picture in memory.

Pillow's encoder gets a few rows of blocks at a time, always with the same tables, and returns one
scan for each. The scans are joined unchanged, with restart markers between them, at which decoders
begin anew. The pixels are the same as those of a picture that is encoded whole.

Source: ITU-T T.81, annexes B (markers SOF, DRI, SOS, RST) and E.1.4.
"""

import io
from collections.abc import Iterable, Iterator
from struct import pack, pack_into
from typing import Any

import numpy as np

from upsample_cli.images.image import Samples
from upsample_cli.images.write.encode import encoding_errors, to_pillow
from upsample_cli.planes import Size

_BLOCK = 16  # rows: a whole number of blocks under any subsampling
_MOST = 8  # most rows of one scan, in multiples of `_BLOCK`
_LONGEST = 65535  # most blocks between two restart markers
_FRAMES = (0xC0, 0xC1)  # SOF: baseline, extended
_SCAN = 0xDA  # SOS
_END = b"\xff\xd9"  # EOI
_TABLES = ("quality", "qtables", "subsampling")  # options that all scans share


def parts(
    strips: Iterable[Samples], size: Size, is_cmyk: bool, options: dict[str, Any]
) -> Iterator[bytes]:
    """Yield the parts of a JPEG.

    Args:
        strips: Runs of rows from the top, each of shape (rows, W, C), uint8.
        size: Height and width.
        is_cmyk: Whether the four channels are CMYK.
        options: Options for Pillow's encoder, without "progressive".

    Raises:
        ImageFileError: The encoder refuses the picture.
    """
    rows = _rows(size[1])
    for index, run in enumerate(_runs(strips, rows)):
        data = _encoded(run, is_cmyk, options)
        start = _scan_start(data)
        if index == 0:
            yield _head(data[:start], size, rows) + data[start : _segment_end(data, start)]
            options = {name: options[name] for name in _TABLES if name in options}
        else:
            yield bytes([0xFF, 0xD0 + (index - 1) % 8])
        yield data[_segment_end(data, start) : -len(_END)]
    yield _END


def _rows(width: int) -> int:
    """Return the number of rows per scan, for a width in pixels."""
    return _BLOCK * max(1, min(_MOST, _LONGEST // (2 * -(-width // 8))))


def _runs(strips: Iterable[Samples], rows: int) -> Iterator[Samples]:
    """Yield runs of `rows` rows; the last run may be shorter."""
    pending: Samples | None = None
    for strip in strips:
        pending = strip if pending is None else np.concatenate((pending, strip))
        while len(pending) >= rows:
            yield pending[:rows]
            pending = pending[rows:]
    if pending is not None and len(pending):
        yield pending


def _encoded(run: Samples, is_cmyk: bool, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with encoding_errors("JPEG", f"{run.shape[1]}x{run.shape[0]} pixels"):
        to_pillow(run, is_cmyk).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def _segment_end(data: bytes, start: int) -> int:
    """Return the offset of the end of the segment that starts at the offset `start`."""
    return start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")


def _scan_start(data: bytes) -> int:
    """Return the offset of the marker that starts the scan (SOS)."""
    at = 2
    while data[at + 1] != _SCAN:
        at = _segment_end(data, at)
    return at


def _head(data: bytes, size: Size, rows: int) -> bytes:
    """Return a run's header changed to the picture's `size`, with restarts every `rows` rows."""
    head, at = bytearray(data), 2
    while head[at + 1] not in _FRAMES:
        at = _segment_end(data, at)
    pack_into(">HH", head, at + 5, *size)
    count = head[at + 9]
    factors = [divmod(head[at + 11 + 3 * index], 16) for index in range(count)]
    across, down = (max(axis) for axis in zip(*factors, strict=True)) if count > 1 else (1, 1)
    blocks = -(-size[1] // (8 * across)) * (rows // (8 * down))
    return bytes(head) + (pack(">HHH", 0xFFDD, 4, blocks) if size[0] > rows else b"")
