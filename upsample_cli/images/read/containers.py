"""Read what Pillow overlooks in the boxes, chunks and heads of JPEG 2000, AVIF, WebP and TGA.

Source: ITU-T T.800, annex I (JP2); ISO/IEC 14496-12 and 23008-12 (boxes, `clap`); XMP, part 3; RFC
9649, "WebP Image Format".
"""

import io
from collections.abc import Iterator
from struct import unpack, unpack_from
from typing import Any, BinaryIO

import PIL.Image
import PIL.ImageFile
from PIL import ImagePalette

from upsample_cli.images.read.raw_modes import raw_mode_of, with_raw_mode

_EXIF = b"JpgTiffExif->JP2"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_SIZES = b"\xff\x4f\xff\x51"  # begins the pixel data: channels and depth follow
_OVER_8, _IS_12 = 0x40, 0x20  # flags in the depth byte of an AVIF
# Numbers in ITU-T H.273: unspecified, and those of sRGB; the curves of BT.601 and BT.709 stand for
# sRGB's in ordinary files.
_SRGB_PRIMARIES, _SRGB_CURVES = (1, 2), (1, 2, 6, 13, 14, 15)
_PARENTS = {b"jp2h": 0, b"meta": 4, b"iprp": 0}  # hold boxes, after this number of bytes
_INVERTED, _ONE_BIT = "BGRA;15Z", "BGRA;15"  # opacity of one bit, in a TGA
_TGA_DESCRIPTOR = 17  # offset of the byte with the number of bits of opacity
_WEBP_FRAME, _FRAME_HEADER = b"ANMF", 16  # holds chunks after a header of 16 bytes


def complete_info(opened: PIL.Image.Image, file: BinaryIO) -> None:
    """Add to a picture's info what its JPEG 2000, AVIF or WebP says and Pillow overlooks."""
    if opened.format == "WEBP":
        opened.info["lossless"] = is_lossless_webp(file)
        return
    file.seek(0)
    (read_avif if opened.format == "AVIF" else read_jpeg2000)(opened, file.read())


def read_jpeg2000(opened: PIL.Image.Image, data: bytes) -> None:
    """Add profile, EXIF, XMP, bits and colour space to a picture's info, and mend its palette."""
    info: dict[Any, Any] = opened.info
    start = data.find(_SIZES) + 4
    count = unpack_from(">H", data, start + 36)[0]
    info["bits"] = max(data[start + 38 : start + 38 + 3 * count : 3]) % 128 + 1
    for kind, body in boxes(data):
        if kind == b"colr" and body[0] == 1:
            info["space"] = unpack_from(">L", body, 3)[0]
        elif kind == b"colr":
            info["icc_profile"] = body[3:]
        elif kind == b"uuid" and body.startswith((_EXIF, _XMP)):
            info["exif" if body.startswith(_EXIF) else "xmp"] = body[16:]
        elif kind == b"pclr" and opened.mode in ("P", "PA") and opened.palette:
            # Pillow drops repeated colours, which shifts the indices of all later colours.
            levels = body[3 + body[2] :][: body[2] * unpack_from(">H", body)[0]]
            opened.palette = ImagePalette.ImagePalette(opened.palette.mode, levels)
            opened.palette.dirty = 1


def read_avif(opened: PIL.Image.Image, data: bytes) -> None:
    """Add bits per sample, losslessness, crop and declared colours to a picture's info.

    An AVIF counts as lossless if it stores RGB, not YCbCr, as only lossless files do. The crop is
    left, top, right and bottom of the part to show, in pixels, or None for all of it.

    Source: AV1 Codec ISO Media File Format Binding, av1C; ITU-T H.273, matrix 0 (identity).

    Raises:
        ValueError: The crop lies outside the picture.
    """
    by_kind = dict(reversed([*boxes(data)]))  # the first of each kind
    properties = [*boxes(by_kind.get(b"ipco", b""))]
    depths = [body[2] for kind, body in properties if kind == b"av1C" and len(body) > 2] or [0]
    colours = [body for kind, body in properties if kind == b"colr" and body[:4] == b"nclx"]
    opened.info["bits"] = 8 + 2 * bool(depths[0] & _OVER_8) + 2 * bool(depths[0] & _IS_12)
    opened.info["lossless"] = bool(colours) and colours[0][8:10] == b"\0\0"
    opened.info["crop"] = None
    if colours and len(colours[0]) >= 8:
        _declare_colours(opened, *unpack_from(">HH", colours[0], 4))
    if b"clap" not in dict(properties):
        return
    (primary,) = unpack_from(">L" if by_kind[b"pitm"][0] else ">H", by_kind[b"pitm"], 4)
    applicable = dict(properties[index - 1] for index in _associated(by_kind[b"ipma"], primary))
    if b"clap" in applicable:
        opened.info["crop"] = _crop(applicable[b"clap"], opened.size)


def with_heif_colours(opened: PIL.Image.Image) -> PIL.Image.Image:
    """Return a HEIC with the colours that it declares in its info."""
    if nclx := opened.info.get("nclx_profile"):
        numbers = nclx["color_primaries"], nclx["transfer_characteristics"]
        _declare_colours(opened, *map(int, numbers))
    return opened


def _declare_colours(opened: PIL.Image.Image, primaries: int, curve: int) -> None:
    """Add the colours that an AVIF or HEIC declares to a picture's info, as a PNG's cICP has them.

    Nothing is added beside a profile, which goes before, or where the colours are those of sRGB.

    Source: ITU-T H.273.
    """
    if opened.info.get("icc_profile") or (primaries in _SRGB_PRIMARIES and curve in _SRGB_CURVES):
        return
    opened.info["colours"] = ((b"cICP", bytes([primaries & 255, curve & 255, 0, 1])),)


def _crop(clap: bytes, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the crop in a `clap` box, for a picture whose width and height are `size`."""
    numbers = unpack_from(">LLLLlLlL", clap)
    width, height, right, down = (numbers[i] / (numbers[i + 1] or 1) for i in (0, 2, 4, 6))
    left, top = (size[0] - width) / 2 + right, (size[1] - height) / 2 + down
    box = int(left), int(top), int(left + width), int(top + height)
    if min(left, top) < 0 or box[2] > size[0] or box[3] > size[1]:
        raise ValueError("its crop lies outside the picture")
    return box


def _associated(table: bytes, item: int) -> list[int]:
    """Return the indices, counted from 1, of the properties that a table gives an item."""
    version, wide, at = table[0], table[3] & 1, 8
    for _ in range(unpack_from(">L", table, 4)[0]):
        name, count = unpack_from(">LB" if version else ">HB", table, at)
        at += 5 if version else 3
        indices = unpack_from(f">{count}{'H' if wide else 'B'}", table, at)
        at += count * (1 + wide)
        if name == item:
            return [index & (0x7FFF if wide else 0x7F) for index in indices]
    return []


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of every box; for a box in `_PARENTS`, those of the boxes inside."""
    at = 0
    while at + 8 <= len(data):
        length, kind = unpack_from(">L4s", data, at)
        head = 16 if length == 1 else 8
        if length < 2:
            length = unpack_from(">Q", data, at + 8)[0] if length else len(data) - at
        if length < head:
            return
        body = data[at + head : at + length]
        if kind in _PARENTS:
            yield from boxes(body[_PARENTS[kind] :])
        else:
            yield kind, body
        at += length


def is_lossless_webp(file: BinaryIO) -> bool:
    """Return whether all frames of a WebP file are coded without loss."""
    kinds = set()
    file.seek(12)
    while len(header := file.read(8)) == 8:
        kind, length = unpack("<4sI", header)
        kinds.add(kind)
        file.seek(_FRAME_HEADER if kind == _WEBP_FRAME else length + length % 2, io.SEEK_CUR)
    return b"VP8L" in kinds and b"VP8 " not in kinds


def with_declared_opacity(opened: PIL.Image.Image, file: BinaryIO) -> PIL.Image.Image:
    """Load a TGA and return it with opacity if its head declares some, else without.

    Pillow inverts opacity of one bit, overlooks that of palettes, and adds some that is undeclared.

    Source: Truevision, "TGA File Format Specification 2.0", image descriptor.
    """
    assert isinstance(opened, PIL.ImageFile.ImageFile)
    file.seek(_TGA_DESCRIPTOR)
    is_declared = file.read(1)[0] & 15 > 0
    opened.tile = [
        with_raw_mode(tile, _ONE_BIT) if raw_mode_of(tile) == _INVERTED else tile
        for tile in opened.tile
    ]
    if opened.palette and opened.palette.rawmode == _INVERTED:
        opened.palette.rawmode = _ONE_BIT
    if opened.palette and opened.palette.rawmode in ("BGRA", _ONE_BIT):
        opened.palette.mode = "RGBA"  # Pillow 11 leaves it at RGB, and cannot load the map then
    opened.load()
    opacity = b""
    if opened.palette and opened.palette.mode == "RGBA":
        opacity = bytes((opened.getpalette("RGBA") or [])[3::4])
        if is_declared:
            opened.info["transparency"] = opacity
    elif not is_declared and opened.mode in ("LA", "RGBA"):
        opacity = opened.getchannel("A").tobytes()
        opened = opened.convert(opened.mode[:-1])
    if not is_declared and len(set(opacity)) > 1:
        opened.info["notes"] = ("its head declares no opacity, so that of its pixels is left out",)
    return opened
