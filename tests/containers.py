"""Reads the metadata of a file from its bytes, without Pillow."""

import struct
import zlib
from pathlib import Path

import tifffile


def read_metadata(path: Path) -> dict[str, bytes | tuple[float, float]]:
    """Return a file's profile, EXIF and XMP as bytes, and its dpi; absent items are left out."""
    data = path.read_bytes()
    if data.startswith(b"\x89PNG"):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"RIFF"):
        return _webp(data)
    if data.startswith(b"GIF"):
        return _gif(data)
    return _tiff(path) if data[:2] in (b"II", b"MM") else {}


def tags(exif: bytes) -> dict[int, int]:
    """Return the integers in the directories of EXIF, keyed by tag."""
    order = "<" if exif[:2] == b"II" else ">"
    metadata, offsets = {}, [struct.unpack_from(f"{order}L", exif, 4)[0]]
    while offsets:
        offset = offsets.pop()
        for index in range(struct.unpack_from(f"{order}H", exif, offset)[0]):
            entry = offset + 2 + 12 * index
            tag, kind, count = struct.unpack_from(f"{order}HHL", exif, entry)
            if kind in (3, 4) and count == 1:
                (value,) = struct.unpack_from(order + "_HL"[kind - 2], exif, entry + 8)
                metadata[tag] = value
                if tag == 0x8769:
                    offsets.append(value)
    return metadata


def _png(data: bytes) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    offset = 8
    while offset < len(data):
        length, kind = struct.unpack_from(">L4s", data, offset)
        body = data[offset + 8 : offset + 8 + length]
        if kind == b"iCCP":
            metadata["icc"] = zlib.decompress(body[body.index(b"\0") + 2 :])
        elif kind == b"eXIf":
            metadata["exif"] = body
        elif kind == b"pHYs":
            horizontal, vertical = struct.unpack_from(">LL", body)
            metadata["dpi"] = (horizontal * 0.0254, vertical * 0.0254)
        elif kind == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
            metadata["xmp"] = body[22:]
        offset += 12 + length
    return metadata


def _gif(data: bytes) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    if (start := data.find(b"ICCRGBG1012")) > 0:
        at, profile = start + 11, b""
        while data[at]:
            profile += data[at + 1 : at + 1 + data[at]]
            at += 1 + data[at]
        metadata["icc"] = profile
    if (start := data.find(b"XMP DataXMP")) > 0:
        metadata["xmp"] = data[start + 11 : data.index(b"\1\xff\xfe\xfd", start)]
    return metadata


def _jpeg(data: bytes) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    offset = 2
    while data[offset + 1] != 0xDA:
        marker, length = struct.unpack_from(">HH", data, offset)
        body = data[offset + 4 : offset + 2 + length]
        if body.startswith(b"ICC_PROFILE\0"):
            metadata["icc"] = bytes(metadata.get("icc", b"")) + body[14:]
        elif body.startswith(b"Exif\0\0"):
            metadata["exif"] = body[6:]
        elif body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            metadata["xmp"] = body[29:]
        elif marker == 0xFFE0 and body[7] == 1:
            metadata["dpi"] = struct.unpack_from(">HH", body, 8)
        offset += 2 + length
    return metadata


def _webp(data: bytes) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    offset = 12
    while offset + 8 <= len(data):
        kind, length = struct.unpack_from("<4sL", data, offset)
        name = {b"ICCP": "icc", b"EXIF": "exif", b"XMP ": "xmp"}.get(kind)
        if name:
            metadata[name] = data[offset + 8 : offset + 8 + length].removeprefix(b"Exif\0\0")
        offset += 8 + length + length % 2
    return metadata


def _tiff(path: Path) -> dict[str, bytes | tuple[float, float]]:
    metadata: dict[str, bytes | tuple[float, float]] = {}
    with tifffile.TiffFile(path) as opened:
        tags = opened.pages[0].tags
        for name, code in (("icc", 34675), ("xmp", 700)):
            if code in tags:
                metadata[name] = bytes(tags[code].value)
        if tags.valueof(296) == 2:
            horizontal, vertical = tags.valueof(282), tags.valueof(283)
            metadata["dpi"] = (horizontal[0] / horizontal[1], vertical[0] / vertical[1])
    return metadata
