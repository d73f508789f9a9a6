"""What Pillow does not do of WebP.

It does not say whether one is lossless, takes no frames as they are made, and sees nothing clear
around frames that are not.

Source: RFC 9649, "WebP Image Format".
"""

import io
from collections.abc import Iterator, Sequence
from struct import unpack
from typing import Any, BinaryIO

import PIL.Image

_FRAME = b"ANMF"  # has chunks of its own after a head
_FRAME_HEAD = 16
_EXTENDED, _FLAGS, _OPACITY = b"WEBPVP8X", 20, 0x10  # what begins at 8, and what tells opacity


def is_lossless(file: BinaryIO) -> bool:
    """Tell whether the pixels of a WebP, of all frames, were coded without loss.

    Args:
        file: Anywhere in it.
    """
    kinds = set(_kinds(file))
    return b"VP8L" in kinds and b"VP8 " not in kinds


def _kinds(file: BinaryIO) -> Iterator[bytes]:
    """Yield the kinds of the chunks, also of those within frames."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, length = unpack("<4sI", head)
        yield kind
        file.seek(_FRAME_HEAD if kind == _FRAME else length + length % 2, io.SEEK_CUR)


def seen_through(animation: bytes) -> bytes:
    """Return an animation that says, if it is a WebP, that some of it may be clear.

    The encoder cuts off what is clear around a frame, and says so only of what is clear within.

    Args:
        animation: Its file.
    """
    if animation[8:16] != _EXTENDED:
        return animation
    flags = animation[_FLAGS] | _OPACITY
    return animation[:_FLAGS] + bytes([flags]) + animation[_FLAGS + 1 :]


class _Frames(PIL.Image.Image):
    """A picture of many frames, each made when it is sought; only the latest is in memory.

    Args:
        frames: The frames, in order.
        count: How many they are.
    """

    def __init__(self, frames: Iterator[PIL.Image.Image], count: int) -> None:
        super().__init__()
        self._frames = frames
        self._at = -1
        self.n_frames = count
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go on to a frame; going back, as writers do in the end, stays where it is."""
        if frame > self._at:
            made = next(self._frames)
            self._at, self._mode, self._size, self.im = frame, made.mode, made.size, made.im


def encoded(
    frames: Iterator[PIL.Image.Image], durations: Sequence[float], plays: int, **options: Any
) -> bytes:
    """Return an animation.

    Args:
        frames: Of mode RGB or RGBA, all of one size.
        durations: How long each is shown, in milliseconds.
        plays: How often it is played; 0 for endlessly.
        **options: Of Pillow's encoder.

    Raises:
        OSError: The encoder refuses it.
    """
    file, moving = io.BytesIO(), _Frames(frames, len(durations))
    moving.save(file, "WEBP", save_all=True, duration=list(durations), loop=plays, **options)
    return seen_through(file.getvalue()) if moving.mode == "RGBA" else file.getvalue()
