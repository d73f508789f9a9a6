"""Objects as files: read whole, or by their heads, and put whole or not at all."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, BinaryIO, cast

from upsample_cli.errors import ImageFileError, TargetExistsError, UpsampleError
from upsample_cli.images.places import store

_FOLDER = "upsample-"  # how temporary folders are called
_HEAD = 1 << 16  # bytes: what stands before the pixels is seldom longer
_PIECE = 1 << 20  # bytes, where it is: of a TIFF it may be at the end


def opened(url: str) -> BinaryIO:
    """Return an object, all of which is read at once.

    Raises:
        UpsampleError: It is missing or cannot be read.
    """
    return io.BytesIO(_read(url))


def head(url: str) -> BinaryIO:
    """Return an object of which no more is read than is asked for, its head at once.

    Raises:
        UpsampleError: It is missing or cannot be read.
    """
    return cast(BinaryIO, io.BufferedReader(_Head(url)))


def check(url: str, source: str, force: bool) -> None:
    """Refuse a target before any work is done for it; see `target.check`."""
    if url.startswith(("http://", "https://")):
        raise ImageFileError(f"{url} can only be read; write to a file or an s3:// URL")
    if url.endswith("/"):
        raise ImageFileError(f"{url} is a folder; name a file in it")
    if url == source:
        raise ImageFileError(f"{url} is the input too; name another output")
    if not force and store.modified(url) is not None:
        raise TargetExistsError(f"{url} exists; pass --force to replace it")


@contextmanager
def putting(url: str) -> Iterator[BinaryIO]:
    """Open a local file that is put at a URL when the block ends, and not at all if that fails.

    Raises:
        UpsampleError: It cannot be put.
    """
    with TemporaryDirectory(prefix=_FOLDER) as folder:
        local = Path(folder, _local_name(url))
        with local.open("w+b") as file:
            yield file
        _put(local, url)


@contextmanager
def edited(url: str, anew: bool) -> Iterator[str]:
    """Give a local copy of an object, for objects do not grow; it is put back after the block.

    Also where the block fails, but not where it leaves the copy as it was. A copy that cannot be
    put back stays where it is, and the error says where.

    Args:
        url: The object, there or not.
        anew: Whether to give an empty file whatever is there.

    Raises:
        UpsampleError: It cannot be read, or not be put back.
    """
    old = b"" if anew or store.modified(url) is None else _read(url)
    local = Path(mkdtemp(prefix=_FOLDER), _local_name(url))
    local.write_bytes(old)
    try:
        yield str(local)
    finally:
        if local.exists() and local.read_bytes() != old:
            try:
                _put(local, url)
            except UpsampleError as error:
                fact = str(error).partition(";")[0]
                raise ImageFileError(f"{fact}; put it there yourself: {local}") from error
        rmtree(local.parent)


def _local_name(url: str) -> str:
    """Return a name that any disk takes, as keys are longer and of more characters.

    Its suffix tells the store what it is.
    """
    suffix = PurePosixPath(url).suffix
    return f"object{suffix if suffix[1:].isalnum() else ''}"


def _put(local: Path, url: str) -> None:
    with store.told("write", url):
        store.of(url).put_file(str(local), url)


class _Head(io.RawIOBase):
    """An object whose head is read at first, and more of it, piece by piece, when it is asked for.

    Args:
        url: The object.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        data = _read(url, _HEAD)
        # Shorter, it is all of it; longer, the server gives all whatever it is asked for.
        self._goes_on = len(data) == _HEAD
        self._file: Any = io.BytesIO(data)

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def seekable(self) -> bool:
        """It goes back and forth."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; see `io.IOBase.seek`."""
        if whence == io.SEEK_END:
            self._go_on()
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the head, or where that is at its end from what follows."""
        if self._file.tell() >= _HEAD:
            self._go_on()
        with store.told("read", self._url):
            return int(self._file.readinto(buffer))

    def _go_on(self) -> None:
        """Change to a file that reads any place, which costs more requests."""
        if self._goes_on:
            place, self._goes_on = self._file.tell(), False
            with store.told("read", self._url):
                self._file = store.of(self._url).open(self._url, "rb", block_size=_PIECE)
            self._file.seek(place)


def _read(url: str, end: int | None = None) -> bytes:
    """Return an object, or its first bytes, by one request."""
    with store.told("read", url):
        try:
            # Given no start, some stores ask for the size first and then for parts.
            return bytes(store.of(url).cat_file(url, start=0, end=end))
        except FileNotFoundError:
            raise
        except OSError:  # of an empty object no range can be had
            return bytes(store.of(url).cat_file(url))
