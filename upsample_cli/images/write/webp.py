"""The parts of WebP that Pillow does not handle.

It does not say whether a file is lossless, and its encoder wants all frames of an animation at once
and does not announce the transparency around them.

Source: RFC 9649, "WebP Image Format".
"""

import io
from collections.abc import Iterator, Sequence
from struct import unpack
from typing import Any, BinaryIO

import PIL.Image

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.write.formats import Encoding

_FRAME = b"ANMF"  # holds chunks of its own after a header
_FRAME_HEADER = 16
_EXTENDED = b"WEBPVP8X"  # at 8
_FLAGS, _ALPHA_FLAG = 20, 0x10


def is_lossless(file: BinaryIO) -> bool:
    """Tell whether all frames of a WebP file are coded without loss."""
    kinds = set(_chunk_kinds(file))
    return b"VP8L" in kinds and b"VP8 " not in kinds


def _chunk_kinds(file: BinaryIO) -> Iterator[bytes]:
    """Yield the kinds of all chunks, those inside frames included."""
    file.seek(12)
    while len(header := file.read(8)) == 8:
        kind, length = unpack("<4sI", header)
        yield kind
        file.seek(_FRAME_HEADER if kind == _FRAME else length + length % 2, io.SEEK_CUR)


def with_alpha_flag(data: bytes) -> bytes:
    """Return an animated WebP with the flag that it has transparency; any other file unchanged.

    The encoder crops what is transparent around a frame, and then sets the flag only if something
    inside is transparent too.
    """
    if data[8:16] != _EXTENDED:
        return data
    return data[:_FLAGS] + bytes([data[_FLAGS] | _ALPHA_FLAG]) + data[_FLAGS + 1 :]


class _LaterFrames:
    """A picture of several frames for Pillow's encoder; `seek` computes the next frame.

    Pillow makes a list of `append_images`, so a generator of pictures would be held in memory.

    Args:
        frames: The frames, in order.
        count: How many there are.
    """

    def __init__(self, frames: Iterator[PIL.Image.Image], count: int) -> None:
        self.n_frames = count
        self._frames = frames
        self._frame: PIL.Image.Image | None = None

    def seek(self, index: int) -> None:
        """Go on to the next frame."""
        self._frame = next(self._frames)

    def __getattr__(self, name: str) -> Any:
        """Behave as the current frame."""
        return getattr(self._frame, name)


def encode_animation(
    format: str,
    frames: Iterator[PIL.Image.Image],
    durations: Sequence[float],
    plays: int,
    metadata: Metadata,
    encoding: Encoding,
) -> bytes:
    """Return an animated WebP or AVIF as a file; one frame at a time is in memory.

    Args:
        format: "WEBP" or "AVIF".
        frames: Of mode RGB or RGBA, all of one size.
        durations: How long each frame is shown, in milliseconds.
        plays: How often the animation is played; 0 for endlessly.
        metadata: What to write beside the pixels.
        encoding: As for `encode.save`.

    Raises:
        ImageFileError: The format cannot hold it, or Pillow was built without the format.
    """
    from upsample_cli.images.write import encode  # reading goes without

    if format == "AVIF" and encoding.lossless:
        raise ImageFileError("an animated AVIF is never lossless; write a WebP or PNG")
    first, file = next(frames), io.BytesIO()
    later = _LaterFrames(frames, len(durations) - 1)
    with encode.encoding_errors(format, "this animation"):
        first.save(
            file, format, save_all=True, append_images=[later], loop=plays,
            duration=list(map(round, durations)),
            **encode.options_for(format, metadata, encoding),
        )  # fmt: skip
    return with_alpha_flag(file.getvalue()) if first.mode == "RGBA" else file.getvalue()
