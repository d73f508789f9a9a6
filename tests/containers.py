"""The metadata in a file, read from its bytes without Pillow."""

import struct
import zlib
from pathlib import Path

import tifffile


def beside(path: Path) -> dict[str, bytes | tuple[float, float]]:
    """Return the profile, EXIF and XMP of a file as bytes, and its dpi, where it has them."""
    data = path.read_bytes()
    if data.startswith(b"\x89PNG"):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"RIFF"):
        return _webp(data)
    return _tiff(path) if data[:2] in (b"II", b"MM") else {}


def tags(exif: bytes) -> dict[int, int]:
    """Return the whole numbers in the directories of EXIF, keyed by tag."""
    order = "<" if exif[:2] == b"II" else ">"
    metadata, left = {}, [struct.unpack_from(f"{order}L", exif, 4)[0]]
    while left:
        at = left.pop()
        for index in range(struct.unpack_from(f"{order}H", exif, at)[0]):
            place = at + 2 + 12 * index
            tag, kind, count = struct.unpack_from(f"{order}HHL", exif, place)
            if kind in (3, 4) and count == 1:
                (value,) = struct.unpack_from(order + "_HL"[kind - 2], exif, place + 8)
                metadata[tag] = value
                if tag == 0x8769:
                    left.append(value)
    return metadata


def _png(data: bytes) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if kind == b"iCCP":
            metadata["icc"] = zlib.decompress(body[body.index(b"\0") + 2 :])
        elif kind == b"eXIf":
            metadata["exif"] = body
        elif kind == b"pHYs":
            along, down = struct.unpack_from(">LL", body)
            metadata["dpi"] = (along * 0.0254, down * 0.0254)
        elif kind == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
            metadata["xmp"] = body[22:]
        at += 12 + length
    return metadata


def _jpeg(data: bytes) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    at = 2
    while data[at + 1] != 0xDA:
        marker, length = struct.unpack_from(">HH", data, at)
        body = data[at + 4 : at + 2 + length]
        if body.startswith(b"ICC_PROFILE\0"):
            metadata["icc"] = bytes(metadata.get("icc", b"")) + body[14:]
        elif body.startswith(b"Exif\0\0"):
            metadata["exif"] = body[6:]
        elif body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            metadata["xmp"] = body[29:]
        elif marker == 0xFFE0 and body[7] == 1:
            metadata["dpi"] = struct.unpack_from(">HH", body, 8)
        at += 2 + length
    return metadata


def _webp(data: bytes) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sL", data, at)
        name = {b"ICCP": "icc", b"EXIF": "exif", b"XMP ": "xmp"}.get(kind)
        if name:
            metadata[name] = data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    return metadata


def _tiff(path: Path) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    with tifffile.TiffFile(path) as opened:
        tags = opened.pages[0].tags
        for name, code in (("icc", 34675), ("xmp", 700)):
            if code in tags:
                metadata[name] = bytes(tags[code].value)
        if tags.valueof(296) == 2:
            across, down = tags.valueof(282), tags.valueof(283)
            metadata["dpi"] = (across[0] / across[1], down[0] / down[1])
    return metadata
