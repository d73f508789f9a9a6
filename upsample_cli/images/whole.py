"""Whether a file is all there, where its decoder does not mind."""

import os
from struct import unpack
from typing import BinaryIO


def check_png(file: BinaryIO) -> None:
    """Refuse a PNG that ends before its last chunk, IEND: decoders stop when pixels are complete.

    Args:
        file: Anywhere in it.

    Raises:
        OSError: It is cut off.
    """
    end = file.seek(0, os.SEEK_END)
    at = file.seek(8)
    while at + 12 <= end:
        length, kind = unpack(">I4s", file.read(8))
        at = file.seek(at + 12 + length)
        if kind == b"IEND" and at <= end:
            return
    raise OSError("its end is missing")
