"""A picture while it is decoded: rows can be used before the last ones are there."""

from contextlib import ExitStack
from itertools import dropwhile
from threading import Thread
from typing import Any, BinaryIO, cast

import PIL.Image

from upsample_cli.errors import BrokenArrivalError, ImageFileError
from upsample_cli.images.metadata import exif
from upsample_cli.images.read import png_chunks, sixteen_bit
from upsample_cli.images.read.coming import Coming
from upsample_cli.images.read.decode_errors import told
from upsample_cli.images.read.inflate import stored
from upsample_cli.threads import started

_MODES = ("L", "LA", "RGB", "RGBA")
# Each call of the decoder waits for the interpreter, long while libraries load: few are best.
_PORTIONS, _LEAST = 8, 1 << 20  # of a file, and bytes of one
_PIXELS = (b"IDAT", b"fdAT")


def is_possible(opened: PIL.Image.Image, file: BinaryIO) -> bool:
    """Tell whether a picture comes as it is to be used: row by row, and all else before them.

    Args:
        opened: The picture, not yet loaded.
        file: Where it comes from.

    Raises:
        OSError: It is a PNG that is cut off.
    """
    if (
        opened.format not in ("PNG", "JPEG")
        or opened.mode not in _MODES
        or sixteen_bit.is_deep(opened)
    ):
        return False
    # Without pixels Pillow takes the memory that it is given for all there is to load.
    if not getattr(opened, "tile", []):
        return False
    if "transparency" in opened.info or opened.info.get("interlace"):
        return False
    if exif.raw(opened) is not None and not _is_upright(opened):
        return False
    if opened.format == "JPEG":
        return True
    from_pixels_on = dropwhile(lambda kind: kind not in _PIXELS, png_chunks.kinds(file))
    return set(from_pixels_on) <= {b"IDAT", b"IEND"}


def _is_upright(opened: PIL.Image.Image) -> bool:
    """Tell whether a picture with EXIF is upright; no, where Pillow loads it to find that out."""
    return "exif" in opened.info and exif.tags(opened).get(exif.ORIENTATION, 1) == 1


class Arrival:
    """How far a picture has come; it is decoded on a thread of its own.

    Args:
        opened: A picture that `is_possible`.
        file: Where it comes from.
        name: What to call it.
        files: What to close in the end.

    Attributes:
        picture: What is there so far.
    """

    def __init__(
        self, opened: PIL.Image.Image, file: BinaryIO, name: str, files: ExitStack
    ) -> None:
        self.picture = PIL.Image.new(opened.mode, opened.size)
        self._opened = cast(Any, opened)  # of a class with `load_read`
        self._opened.im = self.picture.im  # decoded into the memory of ours
        self._file, self._name, self._files = file, name, files
        self._coming = Coming()
        self._portion = max(_LEAST, png_chunks.length(file) // _PORTIONS)
        # Pillow asks for more when it has decoded all that it was given.
        self._read, self._opened.load_read = self._opened.load_read, self._more
        is_png = opened.format == "PNG"
        self._next = stored(self._coded, self._portion) if is_png else self._coded
        if not started(Thread(target=self._load, daemon=True)):
            self._load()

    def wait(self, rows: int) -> int:
        """Wait until the first rows are there; return how many are.

        Args:
            rows: How many, at least.

        Raises:
            BrokenArrivalError: The picture is broken.
            ImageFileError: It is not wanted.
        """
        return self._coming.wait(rows)

    def give_up(self) -> None:
        """Let nobody wait any longer: the picture is not wanted."""
        self._coming.fail(ImageFileError(f"{self._name} is not wanted any more"))

    def _load(self) -> None:
        try:
            with self._files, told(self._name):
                self._opened.load()
                if self._opened.format == "PNG":
                    png_chunks.check_pixels(self._file, self.picture)
        except ImageFileError as fault:
            self._coming.fail(BrokenArrivalError(str(fault)))
        except BaseException as fault:  # raised again in `wait`
            self._coming.fail(fault)
        else:
            self._coming.tell(self.picture.height)

    def _more(self, count: int) -> bytes:
        """Return the next portion, whatever Pillow asks for."""
        self._look()
        return self._next()

    def _coded(self) -> bytes:
        """Return a portion of the file's pixels, whatever chunks a PNG comes in."""
        parts, length = [], 0
        while length < self._portion and (part := self._read(self._portion - length)):
            parts.append(part)
            length += len(part)
        return b"".join(parts)

    def _look(self) -> None:
        """Find how far the picture has come: at least to a row that is not all of one level."""
        found, step = self._coming.rows, 1
        while (row := self._coming.rows + step) < self.picture.height:
            if self.picture.crop((0, row, self.picture.width, row + 1)).getcolors(1) is None:
                found = row
            step *= 2
        if found > self._coming.rows:
            self._coming.tell(found)
