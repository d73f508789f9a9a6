"""Compose the frames of an animated PNG as its specification says; Pillow only decodes each.

Pillow would blend with a mask, which spoils opacity, clear opaque frames to black, begin with a
still picture that is no frame, and fill frames whose data end early.

Source: W3C, "Portable Network Graphics (PNG) specification (third edition)", APNG.
"""

import io
from collections.abc import Iterator
from itertools import islice
from struct import unpack_from

import PIL.Image

from upsample_cli.images.read import png_chunks
from upsample_cli.images.read.opening import open_picture
from upsample_cli.images.write.formats import PNG_SIGNATURE
from upsample_cli.images.write.png import TRAILER, chunk

_CLEAR, _RESTORE = 1, 2  # what happens to a frame before the next is drawn
_OVER = 1  # a frame is blended with what lies below it, and does not replace it
_DEFAULT_DENOMINATOR = 100  # of a duration in seconds, where the file says 0


def apng_frames(data: bytes, count: int) -> Iterator[tuple[PIL.Image.Image, float]]:
    """Yield the whole canvas as each frame of a PNG leaves it, and its duration in milliseconds.

    Args:
        data: The file.
        count: The number of frames that it declares.

    Yields:
        The canvas as RGBA, transparent black where nothing is drawn; and its duration.

    Raises:
        OSError: A frame is missing, ends early or lies beyond the canvas.
        struct.error: The file ends too early.
    """
    header, tables, parts = _split(data)
    if len(parts) < count:
        raise OSError("frames are missing")
    size = unpack_from(">2L", header)
    canvas = PIL.Image.new("RGBA", size)
    for control, pixels in islice(parts, count):
        width, height, left, top, delay, unit, disposal, blend = unpack_from(">4L2H2B", control, 4)
        if left + width > size[0] or top + height > size[1]:
            raise OSError("a frame lies beyond its canvas")
        picture = _decoded(chunk(b"IHDR", control[4:12] + header[8:]) + tables, pixels)
        before, canvas = canvas, canvas.copy()
        if blend == _OVER:
            canvas.alpha_composite(picture, (left, top))
        else:
            canvas.paste(picture, (left, top))
        yield canvas, 1000 * delay / (unit or _DEFAULT_DENOMINATOR)
        if disposal == _RESTORE:
            canvas = before
        elif disposal == _CLEAR:
            canvas = canvas.copy()
            canvas.paste((0, 0, 0, 0), (left, top, left + width, top + height))


def _split(data: bytes) -> tuple[bytes, bytes, list[tuple[bytes, list[bytes]]]]:
    """Return the header, the chunks of palette and opacity, and each frame's control and pixels."""
    header, tables, parts = b"", b"", list[tuple[bytes, list[bytes]]]()
    for kind, start, length in png_chunks.chunks_of(io.BytesIO(data)):
        body = data[start : start + length]
        if kind == b"IHDR":
            header = body
        elif kind in (b"PLTE", b"tRNS"):
            tables += chunk(kind, body)
        elif kind == b"fcTL":
            parts.append((body, []))
        elif parts and kind in (b"IDAT", b"fdAT"):  # IDAT before any control is no frame
            parts[-1][1].append(body if kind == b"IDAT" else body[4:])
    return header, tables, parts


def _decoded(head: bytes, pixels: list[bytes]) -> PIL.Image.Image:
    """Return the pixels of one frame as RGBA."""
    png = PNG_SIGNATURE + head + chunk(b"IDAT", b"".join(pixels)) + TRAILER
    file = io.BytesIO(png)
    opened = open_picture(file)
    assert opened is not None  # it is a PNG
    opened.load()
    png_chunks.check_rows(file, opened)
    return opened.convert("RGBA")
