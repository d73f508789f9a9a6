"""The chunks of a PNG in its file: whether all are there, and what its decoder passes over."""

import os
import zlib
from collections.abc import Iterator
from struct import unpack
from typing import BinaryIO

import PIL.Image

_COLOURS = {b"cICP": 4, b"mDCV": 24, b"cLLI": 8}  # and their lengths
_PIXELS, _END = b"IDAT", b"IEND"
_SAMPLES = {2: 3, 4: 2, 6: 4}  # a pixel, by colour type; else 1
_PORTION = 1 << 20  # bytes to inflate at once


def length(file: BinaryIO) -> int:
    """Return how many bytes a file has; its position stays."""
    before = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(before)
    return end


def kinds(file: BinaryIO) -> list[bytes]:
    """Return the kinds of a PNG's chunks; its last must be there, whatever decoders do without.

    Args:
        file: Anywhere in it; its position stays.

    Raises:
        OSError: It is cut off.
    """
    before, end = file.tell(), length(file)
    found = []
    for kind, at, size in _chunks(file):
        found.append(kind)
        if kind == _END and at + size + 4 <= end:
            file.seek(before)
            return found
    raise OSError("its end is missing")


def colours(file: BinaryIO) -> tuple[tuple[bytes, bytes], ...]:
    """Return kind and data of the chunks of a PNG that tell what its levels mean in HDR.

    Args:
        file: Anywhere in it; its position stays.
    """
    before = file.tell()
    found = []
    for kind, _, size in _chunks(file):
        if kind == _PIXELS:
            break
        if size == _COLOURS.get(kind):
            found.append((kind, file.read(size)))
    file.seek(before)
    return tuple(found)


def check_pixels(file: BinaryIO, decoded: PIL.Image.Image) -> None:
    """Refuse a still PNG whose data end before its last row.

    Args:
        file: Anywhere in it; its position stays.
        decoded: What a decoder made of it, where rows that are missing are of zeros.

    Raises:
        OSError: Rows are missing.
    """
    if decoded.crop((0, decoded.height - 1, *decoded.size)).tobytes().strip(b"\0"):
        return
    before = file.tell()
    file.seek(16)
    width, height, bits, colours, *_, laced = unpack(">LLBBBBB", file.read(13))
    row = 1 + -(-width * bits * _SAMPLES.get(colours, 1) // 8)
    missing = 0 if laced else row * height  # interlaced ones have rows of seven widths
    inflate = zlib.decompressobj()
    for kind, _, size in _chunks(file):
        data = file.read(size) if kind == _PIXELS else b""
        while data and missing > 0:
            missing -= len(inflate.decompress(data, _PORTION))
            data = inflate.unconsumed_tail
    file.seek(before)
    if missing > 0:
        raise OSError("its pixels end early")


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, place and length of the data of each chunk, the file being there."""
    at = file.seek(8)
    while len(head := file.read(8)) == 8:
        size, kind = unpack(">I4s", head)
        yield kind, at + 8, size
        at = file.seek(at + 12 + size)
