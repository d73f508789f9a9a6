"""Handle the chunks of a PNG that Pillow mixes up, overlooks, or does not check.

Source: W3C, "Portable Network Graphics (PNG) specification (third edition)".
"""

import io
import os
import zlib
from collections.abc import Iterator
from struct import pack, unpack
from typing import BinaryIO, NamedTuple

import PIL.Image

from upsample_cli.images.metadata import PNG_TEXT_PREFIX
from upsample_cli.images.write.formats import PNG_SIGNATURE

_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_COLOURS = {b"cICP": 4, b"mDCV": 24, b"cLLI": 8}  # with the length of their data in bytes
_PIXELS, _END = b"IDAT", b"IEND"
_SAMPLES = {2: 3, 4: 2, 6: 4}  # per pixel, by colour type; otherwise 1
_LONGEST_KEYWORD = 79
_INFLATED = 1 << 20  # bytes to inflate at once
_OF_PIXELS = {b"tRNS", b"acTL", b"fcTL", b"fdAT"}  # needed for pixels, despite their lower case


class Chunk(NamedTuple):
    """The four letters of a chunk, and the offset and length of its data, which may be cut off."""

    kind: bytes
    start: int
    length: int


def safe_png(file: BinaryIO) -> tuple[BinaryIO, tuple[str, ...]]:
    """Return a PNG that is safe for Pillow to read; other files are not changed.

    Damaged chunks that the pixels do not need are left out, and some texts get a prefix.

    Pillow puts texts and properties into one dictionary: it would take a text called "gamma" for
    the gamma. All of Pillow's properties are lower-case words, so texts with such keywords get a
    prefix, which `metadata_of` removes again.

    Returns:
        The same file, or a changed copy in memory; notes on chunks that were left out.
    """
    chunks = [*chunks_of(file)]
    unsafe = {chunk for chunk in chunks if chunk.kind in _TEXTS and _is_unsafe(file, chunk)}
    damaged = {chunk for chunk in chunks if _is_damaged(file, chunk)}
    if not unsafe and not damaged:
        return file, ()
    file.seek(0)
    data, parts, copied = file.read(), [], 0
    for chunk in sorted(unsafe | damaged, key=lambda chunk: chunk.start):
        parts.append(data[copied : chunk.start - 8])
        copied = chunk.start + chunk.length + 4
        if chunk not in damaged:
            body = chunk.kind + PNG_TEXT_PREFIX.encode() + data[chunk.start : copied - 4]
            parts.append(pack(">I", len(body) - 4) + body + pack(">I", zlib.crc32(body)))
    names = sorted({chunk.kind.decode("latin-1") for chunk in damaged})
    notes = tuple(f"its chunk {name} is damaged and is not read" for name in names)
    return io.BytesIO(b"".join([*parts, data[copied:]])), notes


def colours(file: BinaryIO) -> tuple[tuple[bytes, bytes], ...]:
    """Return kind and data of each chunk before the pixels that declares wide colours or HDR."""
    declared = []
    for chunk in chunks_of(file):
        if chunk.kind == _PIXELS:
            break
        if chunk.length == _COLOURS.get(chunk.kind):
            file.seek(chunk.start)
            declared.append((chunk.kind, file.read(chunk.length)))
    return tuple(declared)


def add_late_exif(opened: PIL.Image.Image, file: BinaryIO) -> None:
    """Add EXIF that follows the pixels to a PNG's info: Pillow has not read that far."""
    for chunk in chunks_of(file):
        if chunk.kind == b"eXIf" and not _is_damaged(file, chunk):
            file.seek(chunk.start)
            opened.info["exif"] = file.read(chunk.length)


def check_end(file: BinaryIO) -> None:
    """Refuse a PNG that is cut off before the end of its last chunk, which Pillow would accept.

    Raises:
        OSError: The file is cut off.
    """
    chunks, size = [*chunks_of(file)], file.seek(0, os.SEEK_END)
    if not chunks or chunks[-1].kind != _END or chunks[-1].start + chunks[-1].length + 4 > size:
        raise OSError("its end is missing")


def check_icon(file: BinaryIO, start: int, decoded: PIL.Image.Image) -> None:
    """Refuse an icon whose picture, from byte `start` on, is a PNG without all rows or its end.

    Raises:
        OSError: Rows or the end are missing.
    """
    file.seek(start)
    inside = io.BytesIO(file.read())
    if inside.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE:
        check_end(inside)
        check_rows(inside, decoded)


def check_rows(file: BinaryIO, decoded: PIL.Image.Image) -> None:
    """Refuse a still PNG whose data ends before its last row; Pillow would fill it with zeros.

    Raises:
        OSError: Rows are missing.
    """
    if decoded.crop((0, decoded.height - 1, *decoded.size)).tobytes().strip(b"\0"):
        return
    file.seek(16)
    width, height, bits, colour_type, *_, interlaced = unpack(">LLBBBBB", file.read(13))
    row = 1 + -(-width * bits * _SAMPLES.get(colour_type, 1) // 8)
    missing = 0 if interlaced else row * height  # interlaced rows differ in width: no check
    inflate = zlib.decompressobj()
    for chunk in chunks_of(file):
        if chunk.kind != _PIXELS or missing <= 0:
            continue
        file.seek(chunk.start)
        data = file.read(chunk.length)
        while data and missing > 0:
            missing -= len(inflate.decompress(data, _INFLATED))
            data = inflate.unconsumed_tail
    if missing > 0:
        raise OSError("its pixels end early")


def chunks_of(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a PNG, up to the last; none of another file."""
    file.seek(0)
    if file.read(len(PNG_SIGNATURE)) != PNG_SIGNATURE:
        return
    start = len(PNG_SIGNATURE)
    while len(head := file.read(8)) == 8:
        length, kind = unpack(">I4s", head)
        yield Chunk(kind, start + 8, length)
        if kind == _END:
            return
        start = file.seek(start + 12 + length)


def _is_unsafe(file: BinaryIO, chunk: Chunk) -> bool:
    """Return whether the keyword of a text could be the name of a property in Pillow."""
    file.seek(chunk.start)
    keyword = file.read(min(chunk.length, _LONGEST_KEYWORD)).partition(b"\0")[0].decode("latin-1")
    return keyword.isidentifier() and keyword.islower()


def _is_damaged(file: BinaryIO, chunk: Chunk) -> bool:
    """Return whether a chunk is complete, has a wrong checksum, and is not needed for pixels."""
    if not chunk.kind[:1].islower() or chunk.kind in _OF_PIXELS:
        return False
    file.seek(chunk.start)
    data = file.read(chunk.length + 4)
    is_whole = len(data) == chunk.length + 4
    return is_whole and pack(">I", zlib.crc32(chunk.kind + data[:-4])) != data[-4:]


def scale_transparent_level(opened: PIL.Image.Image) -> None:
    """Scale the transparent level of a grey PNG to 8 bits: Pillow scales the pixels alone."""
    level, factor = opened.info.get("transparency"), {"1": 255, "L;2": 85, "L;4": 17}
    for tile in getattr(opened, "tile", []):
        if tile.args in factor and isinstance(level, int):
            opened.info["transparency"] = min(255, level * factor[tile.args])
