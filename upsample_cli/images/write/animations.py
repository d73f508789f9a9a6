"""Write animated PNG, WebP and AVIF frame by frame; Pillow alone would hold all frames in memory.

The frames of a PNG are joined from the strips of `png.py`, as Pillow's writer would merge equal
frames. Its WebP encoder does not always set the flag for transparency, so it is set here.

Source: W3C, "Portable Network Graphics (PNG) specification (third edition)", APNG; RFC 9649, "WebP
Image Format".
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import count
from struct import pack
from typing import Any

import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.write import encode, png
from upsample_cli.images.write.formats import PNG_SIGNATURE, Encoding, with_alpha_flag
from upsample_cli.images.write.png import chunk
from upsample_cli.planes import Size

_LONGEST = 65535  # largest numerator and denominator of a duration in seconds
# By format: the unit of durations and the longest, both in milliseconds; the most plays.
_TIMES = {"GIF": (10, 655_350, 65_536), "WEBP": (1, 16_777_215, 65_535), "AVIF": (1, 2**32 - 1, 0)}
_NOTED = 0.05  # relative change of a duration that is worth a note
_REPLACE = 0, 0  # dispose_op and blend_op: each frame replaces all pixels of the one before


def held_times(
    format: str, durations: Sequence[float], plays: int
) -> tuple[list[int], int, tuple[str, ...]]:
    """Return the nearest durations and plays that a format holds, and notes on what changes.

    Args:
        format: "GIF", "WEBP" or "AVIF".
        durations: Duration of each frame, in milliseconds.
        plays: Number of times the animation is played; 0 for endlessly.
    """
    unit, longest, most = _TIMES[format]
    held = [min(longest, unit * round(duration / unit)) for duration in durations]
    notes: tuple[str, ...] = ()
    if plays > most:
        often = "once" if plays == 1 else f"{plays} times"
        notes = (f"{format} cannot hold that an animation plays {often}, so it plays endlessly",)
    pairs = zip(durations, held, strict=True)
    before, after = max(pairs, key=lambda pair: abs(pair[1] - pair[0]) / (pair[0] or 1))
    if abs(after - before) > _NOTED * before:
        frame = f"a frame of {round(before, 1):.10g} ms"
        notes += (f"{format} cannot hold {frame}, so it takes {after} ms",)
    return held, plays if plays <= most else 0, notes


def encode_png(
    frames: Iterable[tuple[Iterable[png.PngStrip], float]],
    number: int,
    size: Size,
    channels: int,
    plays: int,
    metadata: Metadata,
) -> Iterator[bytes]:
    """Yield the parts of an animated PNG.

    Args:
        frames: For each frame, its strips and its duration in milliseconds.
        number: Number of frames.
        size: Height and width of every frame.
        channels: 3 for RGB, 4 for RGBA.
        plays: Number of times the animation is played; 0 for endlessly.
        metadata: What to write beside the pixels.
    """
    sequence = count()

    def numbered(kind: bytes, data: bytes | memoryview) -> bytes:
        """Return a chunk that begins with its sequence number, as fcTL and fdAT chunks do."""
        return chunk(kind, pack(">I", next(sequence)) + data)

    yield PNG_SIGNATURE + png.image_header(size, channels, bits=8)
    yield chunk(b"acTL", pack(">II", number, plays)) + png.metadata_chunks(metadata)
    for index, (strips, milliseconds) in enumerate(frames):
        duration = _seconds(milliseconds)
        yield numbered(b"fcTL", pack(">4I2H2B", *size[::-1], 0, 0, *duration, *_REPLACE))
        # The first frame is plain IDAT: programs that do not know animations show it.
        part = partial(numbered, b"fdAT") if index else partial(chunk, b"IDAT")
        yield part(png.ZLIB_HEADER)
        for idat in png.joined(strips):
            yield part(memoryview(idat)[8:-4])  # without length, kind and checksum
    yield png.TRAILER


def _seconds(milliseconds: float) -> tuple[int, int]:
    """Return a duration in seconds as numerator and denominator, each at most `_LONGEST`."""
    seconds = min(milliseconds / 1000, _LONGEST)
    delay = Fraction(seconds).limit_denominator(int(_LONGEST / max(1, seconds)))
    return delay.numerator, delay.denominator


def encode_webp_or_avif(
    format: str,
    frames: Iterator[PIL.Image.Image],
    durations: Sequence[int],
    plays: int,
    metadata: Metadata,
    encoding: Encoding,
) -> bytes:
    """Return the bytes of an animated WebP or AVIF; only one frame at a time is in memory.

    Args:
        format: "WEBP" or "AVIF".
        frames: Pictures of mode RGB or RGBA, all of the same size.
        durations: Duration of each frame, in milliseconds, as `held_times` returns them.
        plays: Number of times the animation is played, also as `held_times` returns it.
        metadata: What to write beside the pixels.
        encoding: Quality and losslessness, as for `encode.save`.

    Raises:
        ImageFileError: The format cannot hold the animation, or Pillow was built without it.
    """
    if format == "AVIF" and encoding.lossless:
        raise ImageFileError("an animated AVIF cannot be lossless; write a WebP or PNG")
    first, file = next(frames), io.BytesIO()
    later = _LaterFrames(frames, len(durations) - 1)
    with encode.encoding_errors(format, "this animation"):
        first.save(
            file, format, save_all=True, append_images=[later], loop=plays,
            duration=list(durations),
            **encode.options_for(format, metadata, encoding),
        )  # fmt: skip
    return with_alpha_flag(file.getvalue()) if first.mode == "RGBA" else file.getvalue()


class _LaterFrames:
    """All frames after the first, as one Pillow image whose `seek` computes the next frame.

    Pillow turns `append_images` into a list, so the pictures of a generator would all be in memory.
    """

    def __init__(self, frames: Iterator[PIL.Image.Image], count: int) -> None:
        self.n_frames = count
        self._frames = frames
        self._frame: PIL.Image.Image | None = None

    def seek(self, index: int) -> None:
        """Go on to the next frame; Pillow asks for the frames in order."""
        self._frame = next(self._frames)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the current frame."""
        return getattr(self._frame, name)
