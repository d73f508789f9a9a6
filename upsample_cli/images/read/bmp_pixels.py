"""Rewrite BMPs that Pillow misreads, those with run-length encoding or bit masks, in plain form.

Pillow lets runs continue past the end of a row, and knows few of the possible bit masks.

Source: Microsoft, "Bitmap Storage" (BITMAPINFOHEADER, BITMAPV5HEADER, bitmap compression).
"""

import io
from struct import pack, unpack_from
from typing import Any, BinaryIO

import numpy as np

from upsample_cli import memory
from upsample_cli.images.places.place import MAX_PIXELS

_RLE8, _RLE4, _MASKS, _MASKS_WITH_ALPHA = 1, 2, 3, 6  # compressions
_LONGEST_HEAD = 14 + 124  # bytes of the file header and of the longest picture header
_BYTES_OF_RUNS, _BYTES_OF_MASKS = 3, 40  # memory in bytes per pixel, to rewrite
_OS2 = 64  # bytes of OS/2's header, in which compressions have other numbers
_EMBEDDED = b"DEBM"  # the profile is in the file


def without_runs_and_masks(file: BinaryIO) -> tuple[BinaryIO, dict[Any, Any]]:
    """Return a BMP without runs and masks, and profile and bits per sample under Pillow's keys.

    Raises:
        struct.error: The file ends too early.
    """
    file.seek(0)
    head = file.read(_LONGEST_HEAD)
    if head[:2] != b"BM" or len(head) < 54:
        return file, {}
    info: dict[Any, Any] = {}
    length, width, height, bits, compression = unpack_from("<L2l2xHL", head, 14)
    if length == 124 and head[70:74] == _EMBEDDED:
        start, size = unpack_from("<2L", head, 126)
        file.seek(14 + start)
        info["icc_profile"] = file.read(size)
    if abs(width * height) > MAX_PIXELS:  # refused later, unless --max-pixels is higher
        return file, info
    if compression in (_RLE8, _RLE4):
        memory.check(_BYTES_OF_RUNS * abs(width * height), f"a BMP of {width}x{height}")
        return io.BytesIO(_without_runs(file, head, compression == _RLE4)), info
    if compression in (_MASKS, _MASKS_WITH_ALPHA) and length != _OS2 and bits in (16, 32):
        count = 4 if compression == _MASKS_WITH_ALPHA or length >= 56 else 3
        masks = unpack_from(f"<{count}L", head, 54)
        memory.check(_BYTES_OF_MASKS * abs(width * height), f"a BMP of {width}x{height}")
        info["bits"] = max(mask.bit_count() for mask in masks)
        return io.BytesIO(_without_masks(file, head, masks)), info
    return file, info


def _without_runs(file: BinaryIO, head: bytes, has_nibbles: bool) -> bytes:
    """Return a BMP of 8 bits per pixel, decoded from runs, without rows that the data lacks."""
    start, length, width, height = unpack_from("<3Ll", head, 10)
    file.seek(14 + length)
    palette, data = file.read(start - 14 - length), file.read()
    stride = -(-width // 4) * 4
    canvas = bytearray(stride * abs(height))
    x = y = at = 0
    while y < abs(height):
        if at + 2 > len(data):  # Pillow will report the missing rows
            canvas = canvas[: y * stride]
            break
        count, value = data[at], data[at + 1]
        at += 2
        if count == 0 and value < 3:
            if value == 1:
                break
            right, up = unpack_from("2B", data, at) if value == 2 else (-x, 1)
            x, y, at = x + right, y + up, at + value
            continue
        packed = bytes([value]) * count
        if count == 0:
            count, used = value, -(-value // 2) if has_nibbles else value
            packed, at = data[at : at + used], at + used + used % 2
        if has_nibbles:
            packed = bytes(nibble for byte in packed for nibble in (byte >> 4, byte & 15))
        inside = packed[: min(count, max(width - x, 0))]
        canvas[y * stride + x : y * stride + x + len(inside)] = inside
        x += count
    return _header(head, palette, 8, 0) + canvas


def _without_masks(file: BinaryIO, head: bytes, masks: tuple[int, ...]) -> bytes:
    """Return a BMP of 32 bits per pixel, decoded by masks, without rows that the data lacks."""
    start, _, width, height = unpack_from("<3Ll", head, 10)
    bits = unpack_from("<H", head, 28)[0]
    file.seek(start)
    stride = -(-width * bits // 32) * 4
    data = file.read(stride * abs(height))
    rows = np.frombuffer(data[: len(data) // stride * stride], f"<u{bits // 8}")
    values = rows.reshape(-1, stride * 8 // bits)[:, :width].astype(np.uint64)
    pixels = np.full((*values.shape, 4), 255, np.uint8)
    for channel, mask in zip((2, 1, 0, 3), masks, strict=False):
        if full := mask // (mask & -mask or 1):
            levels = (values & mask) // (mask // full)
            pixels[..., channel] = (levels * 255 + full // 2) // full
        elif channel < 3:
            pixels[..., channel] = 0
    has_alpha = len(masks) == 4 and masks[3] != 0
    layout = pack("<4L", 0xFF0000, 0xFF00, 0xFF, 0xFF000000 if has_alpha else 0)
    return _header(head, layout, 32, _MASKS) + pixels.tobytes()


def _header(head: bytes, tail: bytes, bits: int, compression: int) -> bytes:
    """Return a file's head for another layout, ending with `tail`: its palette or masks."""
    size = 56 if compression else 40
    start = 54 + len(tail)
    return (
        pack("<2s4L", b"BM", 0, 0, start, size) + head[18:28]
        + pack("<HLL", bits, compression, 0) + head[38:54] + tail
    )  # fmt: skip
