"""Standard input as a place to read, standard output as a place to write."""

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import BinaryIO, ClassVar, Self

from upsample_cli import memory
from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import Place


@dataclass(frozen=True, slots=True)
class StandardStream(Place):
    """Standard input or output, called "-".

    Args:
        path: "-".
        data: What standard input held, if it has been read; else empty.
    """

    data: bytes = b""
    is_stream: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The name of standard input in messages."""
        return "the picture on stdin"

    def is_folder(self) -> bool:
        """Return False, even where a folder is called "-"."""
        return False

    def modified(self) -> None:
        """Return None: a stream holds nothing that could be replaced."""

    def open(self) -> BinaryIO:
        """Read all of standard input; return it as a file that can seek."""
        if not self.data and (sys.stdin is None or sys.stdin.isatty()):
            fault = "closed" if sys.stdin is None else "a terminal"
            raise ImageFileError(f"standard input is {fault}; pipe a picture in or name a file")
        data = self.data or memory.read_all(sys.stdin.buffer, self.label)
        if not data:
            raise ImageFileError("standard input is empty; pipe a picture in or name a file")
        return io.BytesIO(data)

    def held(self) -> Self:
        """Read standard input now, so that what is returned can be opened more than once."""
        return replace(self, data=self.open().read())

    def check_target(self, sources: Sequence[Place], force: bool) -> None:
        """Accept any sources: standard output is always a valid target."""

    @contextmanager
    def writing(self, force: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
        """Give standard output to write to; a `BrokenPipeError` says that its reader has gone."""
        out = sys.stdout.buffer
        # Without a buffer (PYTHONUNBUFFERED) a write may stop half-way without an error.
        is_raw = isinstance(out, io.RawIOBase)
        try:
            with open(out.fileno(), "wb", closefd=False) if is_raw else nullcontext(out) as file:
                yield file
                file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or str(error)
            raise ImageFileError(
                f"cannot write standard output: {reason}; write to a file"
            ) from error
