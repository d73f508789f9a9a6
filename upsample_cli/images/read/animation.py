"""Animations, read frame by frame; every frame is complete, as a viewer shows it.

All frames are decoded once before any is enlarged: so a broken frame is found before anything is
written, and writers know the duration of every frame beforehand.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import PIL.Image

from upsample_cli.images.metadata import Metadata, metadata_of
from upsample_cli.images.read import gif_frames
from upsample_cli.images.read.decode import upright
from upsample_cli.images.read.opening import frame_count, image_errors, open_picture

if TYPE_CHECKING:  # decoding begins before NumPy has loaded
    from upsample_cli.planes import Size


class Animation(NamedTuple):
    """An animation.

    Args:
        name: What errors call it.
        data: Its file.
        format: Pillow's name of the file's format, such as "GIF".
        durations: How long each frame is shown, in milliseconds.
        plays: How often it is played; 0 for endlessly.
        mode: RGBA if any pixel of any frame is transparent, else RGB.
        size: Height and width, upright.
        metadata: What the file says beside its pixels.
        notes: What reading changed.
    """

    name: str
    data: bytes
    format: str
    durations: tuple[float, ...]
    plays: int
    mode: str
    size: "Size"
    metadata: Metadata
    notes: tuple[str, ...] = ()


def read(
    data: bytes,
    name: str,
    notes: tuple[str, ...] = (),
    colours: tuple[tuple[bytes, bytes], ...] = (),
) -> Animation:
    """Return an animation, after decoding all its frames.

    The arguments are as in `Animation`, but `colours`, which are as in `Metadata`.
    """
    opened = _open(data)
    opened.info["colours"] = colours
    is_transparent, durations = False, []
    for frame, duration in _pictures(opened, data):
        durations.append(duration)
        is_transparent = is_transparent or _is_transparent(frame)
        if len(durations) == 1:
            _, exif, is_turned = upright(opened)
            metadata = metadata_of(opened, exif, is_turned)
            size = frame.height, frame.width
    mode = "RGBA" if is_transparent else "RGB"
    return Animation(
        name, data, opened.format or "PNG", tuple(durations), _plays(opened), mode, size, metadata,
        notes,
    )  # fmt: skip


def frames(animation: Animation) -> Iterator[PIL.Image.Image]:
    """Yield the frames, upright, in the animation's mode."""
    with image_errors(animation.name):
        pictures = _pictures(_open(animation.data), animation.data)
    for _ in animation.durations:
        with image_errors(animation.name):
            frame = next(pictures)[0].convert(animation.mode)
        yield frame


def _pictures(opened: PIL.Image.Image, data: bytes) -> Iterator[tuple[PIL.Image.Image, float]]:
    """Yield each frame, upright, and how long it is shown, in milliseconds."""
    if opened.format == "GIF":
        gif = gif_frames.parse(data)
        opened.info |= gif.info
        durations = [patch.milliseconds for patch in gif.patches]
        yield from zip(gif_frames.frames(gif, opened.size), durations, strict=True)
        return
    # A PNG may have a still picture before its frames.
    for index in range(int(getattr(opened, "default_image", False)), frame_count(opened)):
        opened.seek(index)
        frame = upright(opened)[0]
        yield frame, max(0.0, float(opened.info.get("duration") or 0))


def _open(data: bytes) -> PIL.Image.Image:
    opened = open_picture(io.BytesIO(data))
    assert opened is not None  # no TIFF is animated
    return opened


def _is_transparent(opened: PIL.Image.Image) -> bool:
    """Tell whether any pixel of a loaded frame is transparent."""
    if opened.mode in ("L", "RGB", "P") and "transparency" not in opened.info:
        return False
    lowest, _ = opened.convert("RGBA").getchannel("A").getextrema()
    return not isinstance(lowest, tuple) and lowest < 255


def _plays(opened: PIL.Image.Image) -> int:
    """Return how often an animation is played; 0 for endlessly."""
    loop = opened.info.get("loop")
    if opened.format != "GIF":
        return int(loop or 0)
    # A GIF says how often it starts again; without this, it is played once.
    return 1 if loop is None else int(loop) + 1 if loop else 0
