"""Whether a file is all there, where its decoder does not mind."""

import os
from struct import unpack
from typing import BinaryIO


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
