"""Files that appear whole or not at all.

Data go to a temporary file beside the target, which takes the target's name when all of it is on
the disk. A process holds a lock on its temporary files. One that a killed process left behind is
recognised on the same machine by its lock, on others by its age, and is removed later.
"""

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO, cast
from zlib import crc32

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, where an open file cannot be removed anyway
    flock = None  # type: ignore[assignment] # so the name is there

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PREFIX, _SUFFIX = ".upsample-", ".part"
_FOREIGN_AGE = 24 * 3600  # seconds since the last write after which any temporary is abandoned
_LOCKLESS_AGE = 600  # and one of this machine where there are no locks
_PORTION = 1 << 20  # bytes that are worth a call of fsync


@contextmanager
def writing(target: str, force: bool) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the target's name when the block ends.

    Args:
        target: A file, there or not.
        force: Whether to replace it.

    Raises:
        FileExistsError: It is there when the block ends, and `force` is off.
        OSError: It cannot be written.
    """
    temporary = temporary_beside(target)
    try:
        while not _locks(raw := SyncedFile(temporary)):
            raw.close()
            temporary = temporary_beside(target)
        with io.BufferedWriter(raw) as file:
            yield cast(BinaryIO, file)
            file.flush()
            raw.sync()
            if flock is not None:
                # Still locked, so that no other process takes it for abandoned.
                _rename(temporary, target, force)
        if flock is None:
            _rename(temporary, target, force)  # Windows renames closed files only
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def temporary_beside(target: str) -> str:
    """Return a path for a temporary of this machine that no other has."""
    name = f"{_PREFIX}{_machine()}-{os.urandom(6).hex()}{_SUFFIX}"
    return os.path.join(os.path.dirname(target), name)


def clean(folder: str) -> int:
    """Remove abandoned temporaries from a folder, which need not be there; return how many."""
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:  # not there, or not readable
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
                with suppress(OSError):  # removed meanwhile, or locked
                    if _is_abandoned(entry):
                        os.unlink(entry)
                        removed += 1
    return removed


class SyncedFile(io.FileIO):
    """A new file without a buffer; fsync begins in a thread while more is written.

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
        """Wait until all data are on the disk; raise the first `OSError` of any attempt."""
        self._join()
        os.fsync(self.fileno())
        if self._errors:  # the system reports each only once
            raise self._errors[0]

    def close(self) -> None:
        """Close the file, once no thread uses it."""
        self._join()
        super().close()

    def _join(self) -> None:
        if self._syncing and self._syncing.is_alive():  # a signal may come before it begins
            self._syncing.join()

    def _sync_early(self) -> None:
        try:
            os.fsync(self.fileno())
        except OSError as error:
            self._errors.append(error)


def _rename(temporary: str, target: str, force: bool) -> None:
    """Give a temporary its target's name, in one step where the system can."""
    if force:
        os.replace(temporary, target)
        return
    try:
        if os.name == "nt":
            os.rename(temporary, target)  # replaces nothing there
        else:
            os.link(temporary, target)
    except FileExistsError:
        raise
    except (OSError, AttributeError):  # a file system, or a platform, without links
        if os.path.lexists(target):
            raise FileExistsError(EEXIST, os.strerror(EEXIST), target) from None
        os.replace(temporary, target)
    else:
        with suppress(OSError):  # on Windows it has been renamed
            os.unlink(temporary)


def _locks(file: io.FileIO) -> bool:
    """Lock a new temporary; tell whether that was done before another process removed it."""
    if flock is None:
        return True
    with suppress(OSError):  # a file system without locks
        flock(file, LOCK_EX)
    return os.fstat(file.fileno()).st_nlink > 0


def _machine() -> str:
    """Return a word for this machine."""
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return f"{crc32(name.encode(errors='surrogateescape')):08x}"


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    age = time.time() - entry.stat().st_mtime
    if age >= _FOREIGN_AGE:
        return True
    return entry.name.startswith(f"{_PREFIX}{_machine()}-") and _is_unlocked(entry.path, age)


def _is_unlocked(path: str, age: float) -> bool:
    """Tell whether no process of this machine holds a temporary."""
    if flock is not None:
        try:
            with open(path, "rb") as file:
                flock(file, LOCK_EX | LOCK_NB)
                return True
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            pass
    return age >= _LOCKLESS_AGE
