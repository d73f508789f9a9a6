"""The frames of a GIF put together as browsers do.

Pillow decodes the pixels of each frame. It fills what no frame covers, or what a frame clears, with
the background colour, grows the canvas for later frames, and overlooks profile and XMP.

Source: CompuServe, "Graphics Interchange Format, version 89a"; ICC.1:2022, annex B.
"""

import io
from collections.abc import Iterator
from struct import pack, unpack_from
from typing import Any, BinaryIO, NamedTuple

import PIL.Image
from PIL.GifImagePlugin import GifImageFile

from upsample_cli import memory
from upsample_cli.images.write.gif import APPLICATION, CONTROL, FRAME, blocks, head_length

_TO_CLEAR, _TO_PREVIOUS = 2, 3  # what becomes of a frame before the next
_BYTES = 12  # that a pixel of a frame or a canvas takes
_XMP_TRAILER = 258  # bytes behind a packet, which end it for readers of blocks


class Patch(NamedTuple):
    """A frame: its place, and a GIF of its own.

    Args:
        left: Column of its left edge on the canvas.
        top: Row of its top edge.
        milliseconds: How long it is shown.
        disposal: What becomes of it before the next.
        data: The GIF.
    """

    left: int
    top: int
    milliseconds: int
    disposal: int
    data: bytes


class Gif(NamedTuple):
    """The frames of a GIF, and its profile and XMP by Pillow's names."""

    patches: tuple[Patch, ...]
    info: dict[Any, Any]


def parse(data: bytes) -> Gif:
    """Return what is in a GIF.

    Raises:
        IndexError: It ends too early.
        struct.error: Likewise.
    """
    control, patches = b"", []
    info: dict[Any, Any] = {}
    for block in blocks(data):
        if block[0] == FRAME:
            left, top, width, height = unpack_from("<4H", block, 1)
            screen = data[:6] + pack("<2H", width, height) + data[10 : head_length(data)]
            flags, delay = unpack_from("<BH", control or bytes(6), 3)
            whole = screen + control + b"," + bytes(4) + block[5:] + b";"
            patches.append(Patch(left, top, 10 * delay, flags >> 2 & 7, whole))
            control = b""
        elif block[1] == CONTROL:
            control = block
        elif block[1] == APPLICATION:
            info |= _application(block[3:14], block[14:])
    return Gif(tuple(patches), info)


def still(opened: PIL.Image.Image, file: BinaryIO) -> PIL.Image.Image:
    """Return a still GIF with its profile and XMP, transparent where its frame does not reach."""
    file.seek(0)
    gif = parse(file.read())
    opened.info |= gif.info
    if all(tile.extents == (0, 0, *opened.size) for tile in getattr(opened, "tile", [])):
        return opened
    whole = next(frames(gif, opened.size))
    whole.info, whole.format = opened.info, "GIF"
    whole.info.pop("transparency", None)
    return whole


def frames(gif: Gif, size: tuple[int, int]) -> Iterator[PIL.Image.Image]:
    """Yield each frame whole, as RGBA: black and transparent where nothing is.

    Args:
        gif: The GIF.
        size: Width and height of its canvas, to which frames are cut.

    Raises:
        PictureTooLargeError: A frame would take more memory than may be taken.
    """
    canvas = PIL.Image.new("RGBA", size)
    for patch in gif.patches:
        with GifImageFile(io.BytesIO(patch.data)) as opened:
            memory.check(
                _BYTES * (opened.width * opened.height + size[0] * size[1]),
                f"a frame of {opened.width}x{opened.height}",
            )
            opened.load()
            clear = opened.info.pop("transparency", None)  # which Pillow fails at without a palette
            numbers = PIL.Image.frombytes("L", opened.size, opened.tobytes())
            pixels = opened.convert("RGB")
        seen = numbers.point([255 * (number != clear) for number in range(256)])
        before, canvas = canvas, canvas.copy()
        canvas.paste(pixels, (patch.left, patch.top), seen)
        yield canvas
        if patch.disposal == _TO_PREVIOUS:
            canvas = before
        elif patch.disposal == _TO_CLEAR:
            canvas = canvas.copy()
            right, bottom = patch.left + pixels.width, patch.top + pixels.height
            canvas.paste((0, 0, 0, 0), (patch.left, patch.top, right, bottom))


def _application(name: bytes, blocks: bytes) -> dict[Any, Any]:
    """Return the profile or XMP in an application extension."""
    if name == b"XMP DataXMP":
        return {"xmp": blocks[:-_XMP_TRAILER]}
    if name != b"ICCRGBG1012":
        return {}
    profile, at = b"", 0
    while blocks[at]:
        profile += blocks[at + 1 : at + 1 + blocks[at]]
        at += blocks[at] + 1
    return {"icc_profile": profile}
