"""An animation that is read frame by frame, each as it is seen: put onto those before it.

An animation is gone through once before any of it is enlarged: so a broken frame is found before
anything is written, and writers know beforehand how long each is shown.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import PIL.Image

from upsample_cli.images.metadata.metadata import Metadata, metadata_of
from upsample_cli.images.read import orientation
from upsample_cli.images.read.decode_errors import told

if TYPE_CHECKING:  # decoding begins before NumPy has loaded
    from upsample_cli.planes import Size

ANIMATED = {"GIF": "GIF", "WEBP": "WebP", "PNG": "PNG"}
"""The formats that can hold an animation, and what they are called."""
_READ = {*ANIMATED, "AVIF"}


class Animation(NamedTuple):
    """An animation.

    Args:
        name: What to call it.
        opened: As Pillow has it, on a copy of the file in memory.
        first: The first frame; a PNG may hold a still picture before.
        durations: How long each frame is shown, in milliseconds.
        plays: How often it is played; 0 for endlessly.
        mode: RGBA if any pixel of any frame is transparent, else RGB.
        size: Height and width, upright.
        metadata: What the file says beside its pixels.
        notes: What reading changed.
    """

    name: str
    opened: PIL.Image.Image
    first: int
    durations: tuple[float, ...]
    plays: int
    mode: str
    size: "Size"
    metadata: Metadata
    notes: tuple[str, ...]

    @property
    def format(self) -> str:
        """The word for the file's format, such as "GIF"."""
        return self.opened.format or "PNG"


def is_animated(opened: PIL.Image.Image) -> bool:
    """Tell whether an opened picture has frames that follow each other in time."""
    return opened.format in _READ and bool(getattr(opened, "is_animated", False))


def count(opened: PIL.Image.Image) -> int:
    """Return how many frames an animation has."""
    return int(getattr(opened, "n_frames", 1))


def read(opened: PIL.Image.Image, name: str, notes: tuple[str, ...] = ()) -> Animation:
    """Return an animation, after going through it once.

    Args:
        opened: An animated picture of Pillow's.
        name: What to call it.
        notes: What its decoder changes.
    """
    first, clear, durations = int(getattr(opened, "default_image", False)), False, []
    canvas = opened.size
    for index in range(first, count(opened)):
        opened.seek(index)
        # The frames of a GIF may be larger than its head says.
        if opened.size != canvas:
            raise ValueError(f"frame {index + 1} is of another size")
        opened.load()
        durations.append(max(0.0, float(opened.info.get("duration") or 0)))
        clear = clear or _is_clear(opened)
        if index == first:
            up = orientation.turned(opened)
            metadata, size = (
                metadata_of(opened, up.exif, up.turned),
                (up.picture.height, up.picture.width),
            )
    return Animation(
        name, opened, first, tuple(durations), _plays(opened), "RGBA" if clear else "RGB", size,
        metadata, notes,
    )  # fmt: skip


def frames(animation: Animation) -> Iterator[PIL.Image.Image]:
    """Yield the frames, upright, of the animation's mode.

    Args:
        animation: Which.
    """
    for index in range(len(animation.durations)):
        with told(animation.name):
            animation.opened.seek(animation.first + index)
            if index == 0 and animation.opened.mode == "P" and animation.opened.palette:
                animation.opened.palette.dirty = 1  # going back, Pillow forgets the colours
            frame = orientation.turned(animation.opened).picture.convert(animation.mode)
        yield frame


def _is_clear(opened: PIL.Image.Image) -> bool:
    """Tell whether any pixel of a loaded frame is transparent."""
    if opened.mode in ("L", "RGB", "P") and "transparency" not in opened.info:
        return False
    lowest, _ = opened.convert("RGBA").getchannel("A").getextrema()
    return not isinstance(lowest, tuple) and lowest < 255


def _plays(opened: PIL.Image.Image) -> int:
    loop = opened.info.get("loop")
    if opened.format != "GIF":
        return int(loop or 0)
    # A GIF says how often to go back to the start; without a word, never.
    return 1 if loop is None else int(loop) + 1 if loop else 0
