"""Files that appear whole or not at all.

Data go to a temporary file beside the target, which takes the target's name when all of it is on
the disk. A process holds a lock on its temporary files. One that a killed process left behind is
recognised on the same machine by its lock, on others by its age, and is removed later.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from functools import partial
from typing import BinaryIO
from zlib import crc32

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, where an open file cannot be removed anyway
    flock = None  # type: ignore[assignment] # so the name is there

_PREFIX, _SUFFIX = ".upsample-", ".part"
_FOREIGN_AGE = 24 * 3600  # seconds since the last write after which any temporary is abandoned
_LOCKLESS_AGE = 600  # and one of this machine where there are no locks


@contextmanager
def writing(target: str, force: bool, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the target's name when the block ends.

    Args:
        target: A file, there or not; a link stands for what it leads to.
        force: Whether to replace it; it keeps its mode.
        mode: Of a new file, before the umask.

    Raises:
        FileExistsError: It is there when the block ends, and `force` is off.
        OSError: It cannot be written.
    """
    temporary = ""
    target = os.path.realpath(target) if force else target
    kept = mode_of(target) if force else None
    allowed = mode if kept is None else kept & 0o666  # the temporary never allows more
    try:
        while True:
            temporary = temporary_beside(target)
            with open(temporary, "xb", opener=partial(os.open, mode=allowed)) as file:
                if not _locks(file):
                    continue
                yield file
                file.flush()
                os.fsync(file.fileno())
                if kept is not None and hasattr(os, "fchmod"):
                    with suppress(OSError):  # a file system without modes
                        os.fchmod(file.fileno(), stat.S_IMODE(kept))
                if flock is not None:
                    # Still locked, so that no other process takes it for abandoned.
                    _rename(temporary, target, force)
            if flock is None:
                _rename(temporary, target, force)  # Windows renames closed files only
            return
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def mode_of(path: str) -> int | None:
    """Return the type and mode of what is there; None where nothing is."""
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):
        return None


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
                    # A pipe or a link of that name is nothing of ours, and might never open.
                    if entry.is_file(follow_symlinks=False) and _is_abandoned(entry):
                        os.unlink(entry)
                        removed += 1
    return removed


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


def _locks(file: BinaryIO) -> bool:
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
