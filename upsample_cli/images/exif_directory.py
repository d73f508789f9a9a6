"""Add tags to the first directory of EXIF, or remove them; all other values stay as they are.

Source: TIFF 6.0.
"""

import struct
from struct import pack

from upsample_cli.images.exif import (
    INCH,
    ORIENTATION,
    RESOLUTION_UNIT,
    SHORT,
    X_RESOLUTION,
    Y_RESOLUTION,
    entries_of,
    header,
)

_EMPTY = b"II*\0\x08\0\0\0" + bytes(6)  # EXIF without tags
_RATIONAL = 5  # the type of a fraction of two 32-bit numbers
_DENOMINATOR = 1000  # of the fractions that are written


def with_dpi(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """Return EXIF with a resolution added, for formats that have no other place for it.

    The directory moves to the end, so that nothing else moves.

    Args:
        exif: The EXIF so far, or None. A resolution in it stays.
        dpi: Dots per inch, horizontal and vertical, or None.
    """
    if dpi is None:
        return exif
    exif = exif or _EMPTY
    try:
        order, _, end, entries = _first_directory(exif)
    except struct.error:  # it is damaged
        return exif
    if X_RESOLUTION in entries:
        return exif
    exif += bytes(len(exif) % 2)  # values begin at even offsets
    for tag, at in ((X_RESOLUTION, len(exif)), (Y_RESOLUTION, len(exif) + 8)):
        entries[tag] = pack(f"{order}HHLL", tag, _RATIONAL, 1, at)
    entries[RESOLUTION_UNIT] = pack(f"{order}HHLHH", RESOLUTION_UNIT, SHORT, 1, INCH, 0)
    ratios = [pack(f"{order}LL", round(number * _DENOMINATOR), _DENOMINATOR) for number in dpi]
    moved = exif[:4] + pack(f"{order}L", len(exif) + 16) + exif[8:]
    return moved + b"".join(ratios) + _packed(order, entries, exif[end - 4 : end])


def without_orientation(exif: bytes) -> bytes | None:
    """Return EXIF without its orientation; None if it is damaged."""
    try:
        order, start, end, entries = _first_directory(exif)
    except struct.error:
        return None
    entries.pop(ORIENTATION, None)
    directory = _packed(order, entries, exif[end - 4 : end])
    return exif[:start] + directory.ljust(end - start, b"\0") + exif[end:]


def _first_directory(exif: bytes) -> tuple[str, int, int, dict[int, bytes]]:
    """Return byte order, start, end and entries of the first directory; see `header` for errors."""
    order, start = header(exif)
    entries = {tag: exif[at : at + 12] for at, tag, _, _ in entries_of(exif, order, start)}
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    return order, start, start + 2 + 12 * count + 4, entries


def _packed(order: str, entries: dict[int, bytes], following: bytes) -> bytes:
    """Return a directory; `following` points to that of the thumbnail."""
    joined = b"".join(entries[tag] for tag in sorted(entries))
    return pack(f"{order}H", len(entries)) + joined + following.ljust(4, b"\0")
