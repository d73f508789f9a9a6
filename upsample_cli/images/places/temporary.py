"""Temporary files beside a target: named for their machine, held by their process, cleaned later.

A process that is killed leaves its temporary behind. One that nobody holds any more can be told:
on the same machine by its lock, after a day by its age.
"""

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from typing import BinaryIO, TypeAlias, cast
from zlib import crc32

from upsample_cli.images.places.synced import SyncedFile

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, where an open file cannot be removed anyway
    flock = None  # type: ignore[assignment] # so the name is there

StrPath: TypeAlias = str | os.PathLike[str]

_PREFIX, _SUFFIX = ".upsample-", ".part"
_FOREIGN_AGE = 24 * 3600  # seconds without a write after which even another machine's is nobody's
_LOCKLESS_AGE = 600  # and one of this machine where there are no locks


@contextmanager
def placing(target: StrPath, force: bool) -> Iterator[BinaryIO]:
    """Open a temporary that takes the target's name when the block ends, on the disk by then.

    Args:
        target: A file, there or not.
        force: Whether to replace it.

    Raises:
        FileExistsError: It is there when the block ends, and `force` is off.
        OSError: It cannot be written.
    """
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, name())
    try:
        while not _is_held(raw := SyncedFile(temporary)):
            raw.close()
            temporary = os.path.join(folder, name())
        with io.BufferedWriter(raw) as file:
            yield cast(BinaryIO, file)
            file.flush()
            raw.sync()
            if flock is not None:
                # Still held, so that nobody takes it for abandoned.
                _place(temporary, target, force)
        if flock is None:
            _place(temporary, target, force)  # Windows renames closed files only
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def clean(folder: StrPath) -> int:
    """Remove temporaries that killed processes left in a folder; return how many."""
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:  # not there, or not ours to look into
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
                with suppress(OSError):  # gone meanwhile, or held
                    removed += _removed(entry)
    return removed


def name() -> str:
    """Return a name for a temporary of this machine that no other has."""
    return f"{_PREFIX}{_machine()}-{os.urandom(6).hex()}{_SUFFIX}"


def _place(temporary: str, target: StrPath, force: bool) -> None:
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
        with suppress(OSError):  # it had two names, if it was not renamed
            os.unlink(temporary)


def _is_held(file: io.FileIO) -> bool:
    """Hold a new temporary, so that nobody cleans it away; tell whether that was in time."""
    if flock is None:
        return True
    with suppress(OSError):  # a file system without locks
        flock(file, LOCK_EX)
    return os.fstat(file.fileno()).st_nlink > 0


def _machine() -> str:
    """Return a word for this machine."""
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return f"{crc32(name.encode(errors='surrogateescape')):08x}"


def _removed(entry: os.DirEntry[str]) -> bool:
    age = time.time() - entry.stat().st_mtime
    ours = entry.name.startswith(f"{_PREFIX}{_machine()}-")
    if age < _FOREIGN_AGE and not (ours and _is_free(entry.path, age)):
        return False
    os.unlink(entry)
    return True


def _is_free(path: str, age: float) -> bool:
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
