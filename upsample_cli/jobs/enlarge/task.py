"""How to enlarge a picture (`Task`), how large (`TargetSize`), and the `Report` on it."""

import re
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from upsample_cli.errors import SettingError
from upsample_cli.images.places.atomic_file import mode_of
from upsample_cli.images.places.place import MAX_PIXELS, Place, parse_file
from upsample_cli.images.write.formats import Encoding
from upsample_cli.methods.method import Method
from upsample_cli.metrics.checkerboard import Checkerboard

if TYPE_CHECKING:  # a task is built before NumPy has loaded
    from upsample_cli.planes import Size

Fit: TypeAlias = Literal["stretch", "contain", "cover"]
"""How a picture is fitted into a box: stretch changes its aspect ratio, contain fits all of it
inside, cover fills the box and crops both sides equally."""

Existing: TypeAlias = Literal["refuse", "replace", "skip", "update"]
"""What happens to an output that exists: skip keeps it if it is complete, update keeps it if it is
complete and not older than its input."""

_LARGEST_SCALE = 64


@dataclass(frozen=True, slots=True)
class TargetSize:
    """The size of the output: a scale, or a width, a height or both.

    Args:
        scale: Output pixels per input pixel, 1..64.
        width: Output columns.
        height: Output rows.
        fit: How a picture is fitted into width and height.

    Raises:
        SettingError: The scale is below 1 or above 64, or `fit` lacks a width or a height.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    fit: Fit = "stretch"

    def __post_init__(self) -> None:
        """Check the scale and the fit."""
        if self.fit != "stretch" and (self.width is None or self.height is None):
            raise SettingError(f"--fit {self.fit} is for --size WxH; leave it out")
        if self.scale is not None and not 1 <= self.scale <= _LARGEST_SCALE:
            fault = "would shrink" if self.scale < 1 else "is too large"
            raise SettingError(f"--scale {self.scale:g} {fault}; give 1 to {_LARGEST_SCALE}")

    @classmethod
    def parsed(cls, size: str, fit: Fit = "stretch") -> "TargetSize":
        """Return the target size of a text: WxH, Wx or xH.

        Raises:
            SettingError: The text is none of these.
        """
        match = re.fullmatch(r"([1-9]\d*)?x([1-9]\d*)?", size.lower())
        if match is None or match.group() == "x":
            raise SettingError(f"invalid --size '{size}'; use WxH, Wx or xH, such as 1920x1080")
        width, height = (int(number) if number else None for number in match.groups())
        return cls(width=width, height=height, fit=fit)

    def size(self, size_in: "Size") -> "Size":
        """Return the output's height and width: `uncropped`, less what the fit "cover" crops.

        Raises:
            SettingError: As for `uncropped`.
        """
        height, width = self.uncropped(size_in)
        if self.fit == "cover":
            return min(height, self.height or height), min(width, self.width or width)
        return height, width

    def uncropped(self, size_in: "Size") -> "Size":
        """Return height and width before any crop; halves are rounded up.

        Raises:
            SettingError: The output would be smaller than the input, or too large.
        """
        height, width = size_in
        if self.scale is not None:
            return _rounded(height * self.scale), _rounded(width * self.scale)
        wide, tall = self.width, self.height
        if self.fit != "stretch" and wide and tall:
            scales = tall / height, wide / width
            scale = min(scales) if self.fit == "contain" else max(scales)
            tall, wide = _rounded(height * scale), _rounded(width * scale)
        size = (
            tall if tall is not None else max(height, _rounded(height * (wide or 0) / width)),
            wide if wide is not None else max(width, _rounded(width * (tall or 0) / height)),
        )
        if size[0] < height or size[1] < width:
            raise SettingError(
                f"{self._option} is smaller than the input, {width}x{height}; give a larger one"
            )
        if size[0] > height * _LARGEST_SCALE or size[1] > width * _LARGEST_SCALE:
            raise SettingError(
                f"{self._option} is over {_LARGEST_SCALE} times the input, {width}x{height}; "
                "give a smaller one"
            )
        return size

    @property
    def _option(self) -> str:
        """The target size, written as an option."""
        return f"--size {self.width or ''}x{self.height or ''}"


class Task(NamedTuple):
    """How to enlarge any picture.

    Args:
        method: How to upsample.
        target_size: How large the output is to be.
        boundary: What lies beyond the edges: symmetric, nearest or zero.
        linear: Whether to filter in linear light.
        premultiplied: Whether colours are weighted by their opacity while they are filtered.
        encoding: How the output is written.
        drop_metadata: Whether to leave out all metadata but colour.
        force: Whether to replace an output that exists.
        max_pixels: The most pixels that an input may have.
        threads: How many threads share the work on one picture.
        labels: Whether samples are class labels, not colours.
        strict: Whether to refuse files even if their damage does not touch the pixels.
    """

    method: Method
    target_size: TargetSize
    boundary: str = "symmetric"
    linear: bool = False
    premultiplied: bool = True
    encoding: Encoding = Encoding()
    drop_metadata: bool = False
    force: bool = False
    max_pixels: int = MAX_PIXELS
    threads: int = 1
    labels: bool = False
    strict: bool = False

    def files(self) -> tuple[Place, ...]:
        """Return the files that the method reads."""
        return tuple(map(parse_file, self.method.files()))


ALREADY_EXISTS = "already exists"
"""The `error` in the report on a picture that was skipped: its output exists and is complete."""


class Report(NamedTuple):
    """The report on a picture that was enlarged or repaired, skipped, or failed.

    Args:
        input: Where it was read from.
        output: Where it was written.
        status: "done", "skipped" or "failed".
        error: Why it was skipped or failed.
        size: Height and width of the output.
        method: The name of the method.
        kernel: The name or path of its kernel, weights or model; None where it has none.
        scale: Output pixels per input pixel.
        seconds: How long it took.
        checkerboard: What the metric found in the output.
        kernel_ripple: The exact ripple of a flat picture at this scale; NaN where it is not known.
        shift: How far the kernel moves the picture, down and right, in output pixels.
        notes: What users may not expect, each in a few words.
        facts: More facts about the method, for JSON output.
        before: What the metric found in the input of a repair; None for other tasks.
        moved: RMS of the change that a repair made, in levels of 0..255.
    """

    input: str
    output: str
    status: str
    error: str | None = None
    size: "Size | None" = None
    method: str | None = None
    kernel: str | None = None
    scale: float | None = None
    seconds: float | None = None
    checkerboard: Checkerboard | None = None
    kernel_ripple: float | None = None
    shift: tuple[float, float] = (0.0, 0.0)
    notes: tuple[str, ...] = ()
    facts: dict[str, object] | None = None
    before: Checkerboard | None = None
    moved: float | None = None


def output_mode(source: Place) -> int:
    """Return the file mode of a new output, before the umask; no more than its input's."""
    mode = None if source.local_path is None else mode_of(source.local_path)
    return 0o666 if mode is None else mode & 0o666


def _rounded(length: float) -> int:
    return max(1, floor(length + 0.5 + 1e-9))  # 25 times 2.3 is a little less than 57.5
