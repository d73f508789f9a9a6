"""The chunks of a PNG in its file: whether all are there, and what its decoder passes over."""

import os
from struct import unpack
from typing import BinaryIO

_COLOURS = {b"cICP": 4, b"mDCV": 24, b"cLLI": 8}  # and their lengths
_PIXELS = b"IDAT"


def length(file: BinaryIO) -> int:
    """Return how many bytes a file has; its position stays."""
    before = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(before)
    return end


def chunks_of(file: BinaryIO) -> list[bytes]:
    """Return the kinds of a PNG's chunks; its last must be there, whatever decoders do without.

    Args:
        file: Anywhere in it; its position stays.

    Raises:
        OSError: It is cut off.
    """
    before = file.tell()
    kinds = []
    end = length(file)
    at = file.seek(8)
    while at + 12 <= end:
        size, kind = unpack(">I4s", file.read(8))
        at = file.seek(at + 12 + size)
        kinds.append(kind)
        if kind == b"IEND" and at <= end:
            file.seek(before)
            return kinds
    raise OSError("its end is missing")


def colours(file: BinaryIO) -> tuple[tuple[bytes, bytes], ...]:
    """Return kind and data of the chunks of a PNG that tell what its levels mean in HDR.

    Args:
        file: Anywhere in it; its position stays.
    """
    before = file.tell()
    found = []
    at = file.seek(8)
    while len(head := file.read(8)) == 8 and head[4:] != _PIXELS:
        size, kind = unpack(">I4s", head)
        if size == _COLOURS.get(kind):
            found.append((kind, file.read(size)))
        at = file.seek(at + 12 + size)
    file.seek(before)
    return tuple(found)
