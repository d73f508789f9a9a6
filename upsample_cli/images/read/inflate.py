"""Zlib streams handed on without compression, to a decoder that inflates slowly.

Pillow inflates by zlib, which takes half of the time of a PNG; isal takes a quarter of that. A
stream of stored blocks costs zlib no more than a copy.

Source: RFC 1950; RFC 1951, section 3.2.4.
"""

from collections.abc import Callable
from struct import pack
from typing import Any

from upsample_cli.images.write.deflate import adler32, isal_zlib

_HEAD = b"\x78\x01"  # deflate, window of 32 kB
_LONGEST = 65535  # bytes of a stored block
_LAST = b"\1\0\0\xff\xff"  # a block of none
_GROWTH = 2  # times a portion: bytes that are inflated at once, however many there would be


def stored(read: Callable[[], bytes], portion: int) -> Callable[[], bytes]:
    """Return a function that gives the same stream, stored, portion by portion.

    Args:
        read: Gives the next portion of a zlib stream; none at its end.
        portion: About how many bytes that is.

    Returns:
        The same function, where isal is not there.
    """
    return read if isal_zlib is None else _Stored(read, _GROWTH * portion)


class _Stored:
    """See `stored`; what isal raises of a broken stream is an error of its own."""

    def __init__(self, read: Callable[[], bytes], most: int) -> None:
        self._read, self._most = read, most
        self._inflate: Any = isal_zlib.decompressobj()
        self._adler, self._head, self._full = 1, _HEAD, False

    def __call__(self) -> bytes:
        """Return the next portion; none after the last."""
        while not self._inflate.eof:
            # After as much as it may give, there can be more to come of what it has read.
            data = self._inflate.unconsumed_tail if self._full else self._read()
            if not data and not self._full:  # it is cut off
                break
            raw = self._inflate.decompress(data, self._most)
            self._full = len(raw) == self._most
            if made := self._blocks(raw):
                return made
        return b""

    def _blocks(self, raw: bytes) -> bytes:
        self._adler = adler32(raw, self._adler)
        parts: list[bytes | memoryview] = [self._head]
        self._head = b""
        for start in range(0, len(raw), _LONGEST):
            block = memoryview(raw)[start : start + _LONGEST]
            parts += [pack("<BHH", 0, len(block), len(block) ^ 0xFFFF), block]
        if self._inflate.eof:
            parts.append(_LAST + pack(">I", self._adler))
        return b"".join(parts)
