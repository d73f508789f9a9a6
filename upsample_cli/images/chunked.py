"""The chunks of a PNG in its file: whether all are there, and what its decoder passes over."""

import os
from collections.abc import Iterator
from struct import unpack
from typing import BinaryIO

_COLOURS = {b"cICP": 4, b"mDCV": 24, b"cLLI": 8}  # and their lengths
_PIXELS, _END = b"IDAT", b"IEND"


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


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, place and length of the data of each chunk, the file being there."""
    at = file.seek(8)
    while len(head := file.read(8)) == 8:
        size, kind = unpack(">I4s", head)
        yield kind, at + 8, size
        at = file.seek(at + 12 + size)
