"""Where a picture is written: all of it or nothing.

Bytes go to a temporary file beside the target, which takes the target's name only when they are
complete and on the disk. A file that has come there meanwhile stays, unless it may be replaced. A
target that cannot be replaced (a device, a pipe) is written straight.
"""

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from upsample_cli.errors import ImageFileError, TargetExistsError
from upsample_cli.images.places.temporary import placing

STREAM = "-"


def is_url(path: str) -> bool:
    """Tell whether a path is the URL of an object, or of a folder of them."""
    return "://" in path


def is_folder(path: str) -> bool:
    """Tell whether a path is a folder; one that cannot even be looked at is none.

    Raises:
        UpsampleError: It is a URL whose store cannot be reached.
    """
    if is_url(path):
        from upsample_cli.images.places import store  # few names are URLs

        return store.is_folder(path)
    return os.path.isdir(path)


def modified(path: str) -> float | None:
    """Return when a file was written, in seconds; None if there is none.

    Raises:
        UpsampleError: It is a URL whose store cannot be reached.
    """
    if is_url(path):
        from upsample_cli.images.places import store

        return store.modified(path)
    try:
        return os.stat(path).st_mtime
    except (OSError, ValueError):
        return None


def is_replaced(path: str) -> bool:
    """Tell whether a target appears only when it is complete; else what is written is out."""
    return path != STREAM and not _is_special(path)


def check(path: str, source: str, force: bool) -> None:
    """Refuse a target before any work is done for it.

    Args:
        path: Where to write, or "-".
        source: Where the picture is read from, or "-".
        force: Whether a file there may be replaced.

    Raises:
        TargetExistsError: It is there, and `force` is off.
        ImageFileError: It is the source, a folder, or in no folder.
    """
    if path == STREAM:
        return
    if is_url(path):
        from upsample_cli.images.places import remote

        remote.check(path, source, force)
        return
    if is_folder(path):
        raise ImageFileError(f"{path} is a folder; name a file in it")
    if not is_folder(folder := os.path.dirname(path) or "."):
        raise ImageFileError(f"no folder {folder}; make it first")
    try:
        os.lstat(path)  # a link to nothing is something, too
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise ImageFileError(f"cannot write {path}: {error}; choose another name") from error
    if source != STREAM and _is_same(path, source):
        raise ImageFileError(f"{path} is the input too; name another output")
    if not force and not _is_special(path):
        raise there(path)


def there(path: str) -> TargetExistsError:
    """Return the error of a target that is there and is not to be replaced."""
    return TargetExistsError(f"{path} exists; pass --force to replace it")


@contextmanager
def opened(path: str, force: bool = False) -> Iterator[BinaryIO]:
    """Open a target for writing; it appears when the block ends, and not at all if that fails.

    Args:
        path: Where to write, or "-" for standard output.
        force: Whether a file there may be replaced, also one that comes while the block runs.

    Raises:
        TargetExistsError: A file is there at the end, and `force` is off.
        ImageFileError: It cannot be written.
    """
    if path == STREAM:
        out = sys.stdout.buffer
        with _standard_output():
            # Without a buffer (PYTHONUNBUFFERED) a write may end half-way and not say so.
            yield cast(BinaryIO, _Whole(out)) if isinstance(out, io.RawIOBase) else out
            out.flush()
        return
    try:
        if is_url(path):
            from upsample_cli.images.places import remote

            with remote.putting(path) as file:
                yield file
            return
        if _is_special(path):
            with open(path, "wb") as file:
                yield file
            return
        with placing(path, force) as file:
            yield file
    except FileExistsError as error:
        raise there(path) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageFileError(f"cannot write {path}: {reason}; choose another place") from error


@contextmanager
def _standard_output() -> Iterator[None]:
    """Tell what fails in a block that writes to standard output; a reader that went is no fault.

    Raises:
        ImageFileError: It cannot be written.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageFileError(f"cannot write standard output: {reason}; write to a file") from error


class _Whole:
    """Writes all of what it is given to a raw stream, which may take a part at a time."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def write(self, data: bytes | memoryview) -> int:
        """Write all of it, in as many goes as that takes."""
        left = memoryview(data).cast("B")
        while left:
            left = left[self._raw.write(left) or 0 :]
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Nothing is held back here, but may be below."""
        self._raw.flush()


def _is_same(path: str, source: str) -> bool:
    """Tell whether two names are of one file; what is not there is no other's."""
    try:
        return os.path.samefile(path, source)
    except (OSError, ValueError):
        return False


def _is_special(path: str) -> bool:
    """Tell whether a path is a device or a pipe, which has no content to replace."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
