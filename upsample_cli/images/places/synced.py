"""A file that is synchronised with the disk while it is written: little is left to wait for."""

import io
import os
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PORTION = 1 << 20  # bytes that are worth a call


class SyncedFile(io.FileIO):
    """A new file, written without a buffer.

    Args:
        path: Where; nothing may be there.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, "xb")
        self._unsynced = 0
        self._syncing: Thread | None = None
        self._errors: list[OSError] = []

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write, and begin to synchronise if that is not under way."""
        written = super().write(data)
        self._unsynced += written
        if self._unsynced >= _PORTION and not (self._syncing and self._syncing.is_alive()):
            self._unsynced = 0
            self._syncing = Thread(target=self._sync_early)
            with suppress(RuntimeError):  # the system has no more threads: sync at the end
                self._syncing.start()
        return written

    def sync(self) -> None:
        """Wait until all is on the disk.

        Raises:
            OSError: Some of it could not be put there.
        """
        self._settle()
        os.fsync(self.fileno())
        if self._errors:  # the system tells of each only once
            raise self._errors[0]

    def close(self) -> None:
        """Close the file, once no thread uses it."""
        self._settle()
        super().close()

    def _settle(self) -> None:
        if self._syncing and self._syncing.is_alive():  # a signal may come before it begins
            self._syncing.join()

    def _sync_early(self) -> None:
        try:
            os.fsync(self.fileno())
        except OSError as error:
            self._errors.append(error)
