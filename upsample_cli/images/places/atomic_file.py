"""Write files that appear whole or not at all.

Data go to a temporary file beside the target; it takes the target's name once all data are on the
disk. A process holds a lock on each temporary file that it writes. A temporary file that a killed
process left behind is recognised by its missing lock on the same machine, by its age on others.
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
    flock = None  # type: ignore[assignment] # None says: no locks

_PREFIX, _SUFFIX = ".upsample-", ".part"
_FOREIGN_AGE = 24 * 3600  # seconds since the last write, after which any temporary is abandoned
_LOCKLESS_AGE = 600  # the same for a temporary of this machine, where locks do not work


@contextmanager
def writing(target: str, force: bool, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the target's name when the block ends.

    Args:
        target: A file, which need not exist; with `force`, a link stands for the file it leads to.
        force: Whether to replace an existing file; its mode is kept.
        mode: Mode of a new file, before the umask.

    Raises:
        FileExistsError: The target exists when the block ends, and `force` is off.
        OSError: The target cannot be written.
    """
    temporary = ""
    target = os.path.realpath(target) if force else target
    old_mode = mode_of(target) if force else None
    # The temporary file grants no more access than the file that it replaces.
    allowed = mode if old_mode is None else old_mode & 0o666
    try:
        while True:
            temporary = temporary_beside(target)
            with open(temporary, "xb", opener=partial(os.open, mode=allowed)) as file:
                if not _lock(file):
                    continue
                yield file
                file.flush()
                os.fsync(file.fileno())
                if old_mode is not None and hasattr(os, "fchmod"):
                    with suppress(OSError):  # a file system without modes
                        os.fchmod(file.fileno(), stat.S_IMODE(old_mode))
                if flock is not None:
                    # Rename while it is locked, so that no other process takes it for abandoned.
                    _rename(temporary, target, force)
            if flock is None:
                _rename(temporary, target, force)  # Windows renames closed files only
            return
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def is_allowed(target: str) -> bool:
    """Return whether the system allows a temporary beside a target; nothing is written."""
    return os.access(os.path.dirname(os.path.realpath(target)), os.W_OK | os.X_OK)


def mode_of(path: str) -> int | None:
    """Return the `st_mode` (type and mode) of what a path leads to; None if nothing is there."""
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):
        return None


def temporary_beside(target: str) -> str:
    """Return a unique path beside a target for a temporary file of this machine."""
    name = f"{_PREFIX}{_machine()}-{os.urandom(6).hex()}{_SUFFIX}"
    return os.path.join(os.path.dirname(target), name)


def clean(folder: str) -> int:
    """Remove abandoned temporaries from a folder, which need not exist; return their number."""
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:  # missing or not readable
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
                with suppress(OSError):  # removed meanwhile, or locked
                    # A pipe or a link of that name is not ours, and opening a pipe might hang.
                    if entry.is_file(follow_symlinks=False) and _is_abandoned(entry):
                        os.unlink(entry)
                        removed += 1
    return removed


def _rename(temporary: str, target: str, force: bool) -> None:
    """Rename a temporary to its target, atomically where the system can."""
    if force:
        os.replace(temporary, target)
        return
    try:
        if os.name == "nt":
            os.rename(temporary, target)  # on Windows, `rename` replaces no file
        else:
            os.link(temporary, target)
    except FileExistsError:
        raise
    except (OSError, AttributeError):  # a file system, or a platform, without links
        if os.path.lexists(target):
            raise FileExistsError(EEXIST, os.strerror(EEXIST), target) from None
        os.replace(temporary, target)
    else:
        with suppress(OSError):  # on Windows it is already renamed
            os.unlink(temporary)


def _lock(file: BinaryIO) -> bool:
    """Lock a new temporary; return False if another process removed it before it was locked."""
    if flock is None:
        return True
    with suppress(OSError):  # a file system without locks
        flock(file, LOCK_EX)
    return os.fstat(file.fileno()).st_nlink > 0


def _machine() -> str:
    """Return a hash of this machine's name, 8 hexadecimal digits."""
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return f"{crc32(name.encode(errors='surrogateescape')):08x}"


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    age = time.time() - entry.stat().st_mtime
    if age >= _FOREIGN_AGE:
        return True
    return entry.name.startswith(f"{_PREFIX}{_machine()}-") and _is_unlocked(entry.path, age)


def _is_unlocked(path: str, age: float) -> bool:
    """Return whether a temporary is unlocked or, where locks do not work, old enough."""
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
