"""The chunks of a PNG, and those that say what stands beside its pixels.

Source: W3C, "Portable Network Graphics (PNG) specification (third edition)".
"""

import zlib
from struct import pack

from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.write.deflate import crc32


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk, with its length and checksum."""
    return b"".join((pack(">I", len(data)), kind, data, pack(">I", crc32(data, crc32(kind)))))


def ancillary(metadata: Metadata) -> bytes:
    """Return the chunks of metadata, in the order the specification asks for."""
    chunks = [chunk(kind, data) for kind, data in metadata.colours]
    if metadata.icc:
        chunks.append(chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    elif metadata.srgb is not None:
        chunks.append(chunk(b"sRGB", bytes([metadata.srgb])))
    if metadata.gamma:
        chunks.append(chunk(b"gAMA", pack(">I", round(metadata.gamma * 100_000))))
    if metadata.chromaticity:
        numbers = (round(each * 100_000) for each in metadata.chromaticity)
        chunks.append(chunk(b"cHRM", pack(">8I", *numbers)))
    if metadata.dpi:
        along, down = (round(each / 0.0254) for each in metadata.dpi)
        chunks.append(chunk(b"pHYs", pack(">IIB", along, down, 1)))
    if metadata.exif:
        chunks.append(chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp.rstrip(b"\0")))
    chunks.extend(_text(key, value) for key, value in metadata.text)
    return b"".join(chunks)


def _text(key: str, value: str) -> bytes:
    # NUL ends a keyword; a text must not hold any, though those of JPEGs often end with one.
    key, value = (each.rstrip("\0").replace("\0", " ") for each in (key, value))
    keyword = key.strip().encode("latin-1", "replace")[:79] or b"Comment"
    try:
        return chunk(b"tEXt", keyword + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        return chunk(b"iTXt", keyword + b"\0\0\0\0\0" + value.encode())
