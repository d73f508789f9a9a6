"""A file that goes to the disk while it is written, so that little is left to wait for."""

import io
import os
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PORTION = 1 << 20  # bytes: what is worth a way of its own


class SentFile(io.FileIO):
    """A new file, written without a buffer.

    Args:
        path: Where; nothing may be there.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, "xb")
        self._waiting = 0
        self._sending: Thread | None = None
        self._errors: list[OSError] = []

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write, and send what there is if nothing is on its way."""
        written = super().write(data)
        self._waiting += written
        if self._waiting >= _PORTION and not (self._sending and self._sending.is_alive()):
            self._waiting = 0
            self._sending = Thread(target=self._send)
            self._sending.start()
        return written

    def sync(self) -> None:
        """Wait until all is on the disk.

        Raises:
            OSError: Some of it could not be put there.
        """
        self._arrived()
        os.fsync(self.fileno())
        if self._errors:  # the system tells of each only once
            raise self._errors[0]

    def close(self) -> None:
        """Close the file, once nothing is on its way."""
        self._arrived()
        super().close()

    def _arrived(self) -> None:
        if self._sending:
            self._sending.join()

    def _send(self) -> None:
        try:
            os.fsync(self.fileno())
        except OSError as error:
            self._errors.append(error)
