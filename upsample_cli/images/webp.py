"""An animated WebP, encoded by Pillow from frames that are made when it asks for them."""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import PIL.Image


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
    file = io.BytesIO()
    _Frames(frames, len(durations)).save(
        file, "WEBP", save_all=True, duration=list(durations), loop=plays, **options
    )
    return file.getvalue()
