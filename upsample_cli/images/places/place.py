"""Places that pictures are read from or written to; `parse` makes them from paths and URLs.

`Place` is a file on this machine; its subclasses are standard streams and objects in stores.
"""

import io
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Self

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, TargetExistsError
from upsample_cli.images.places import atomic_file

if TYPE_CHECKING:
    from upsample_cli.images.places.folder import Folder

STREAM = "-"
MAX_PIXELS = 2**28
"""The default limit on the pixels of an input."""
_real_path = lru_cache(1 << 10)(os.path.realpath)  # of folders; looking on the disk is slow


def parse(text: str | os.PathLike[str], ask_store: bool = True) -> "Place | Folder":
    """Return the place that a path, a URL or "-" names.

    The result is a `Folder` if `text` ends with a slash or if a folder exists there.

    Args:
        text: A path, a URL, or "-" for standard input or output.
        ask_store: Whether to ask the store if a URL without a slash at its end is a folder.

    Raises:
        UpsampleError: A store does not answer.
    """
    file = parse_file(text)
    if file.path.endswith(("/", os.sep)) or (
        (ask_store or not file.is_remote) and file.is_folder()
    ):
        return file.as_folder()
    return file


def parse_file(text: str | os.PathLike[str]) -> "Place":
    """Return the file that a path, a URL or "-" names, without checking what exists there."""
    path = os.fspath(text)
    if path == STREAM:
        from upsample_cli.images.places.standard_stream import StandardStream

        return StandardStream(path)
    if "://" in path:
        from upsample_cli.images.places.remote import RemoteFile  # few paths are URLs

        return RemoteFile.of(path)
    return Place(path)


@dataclass(frozen=True, slots=True)
class Location:
    """A path or URL, with what files and folders have in common.

    Args:
        path: The path or URL as it was given.
    """

    path: str
    is_remote: ClassVar[bool] = False
    is_stream: ClassVar[bool] = False

    def __str__(self) -> str:
        """Return the path."""
        return self.path

    @property
    def local_path(self) -> str | None:
        """The path if the location is on this machine, else None."""
        return None if self.is_remote or self.is_stream else self.path

    @property
    def key(self) -> str:
        """A text to compare locations by: the same for `a`, `b/../a` and the absolute path."""
        if self.local_path is None:
            return self.path
        folder, name = os.path.split(os.path.join(os.getcwd(), self.path.rstrip("/") or "/"))
        return os.path.abspath(os.path.join(_real_path(folder), name))

    @property
    def name(self) -> str:
        """The last part of the absolute path."""
        return os.path.basename(os.path.abspath(self.path))

    @property
    def relative(self) -> str:
        """The path relative to the working folder; the name alone if it lies elsewhere."""
        from pathlib import Path  # slow to import, and few commands need it

        here, path = Path.cwd(), Path(os.path.abspath(self.path))
        whole = path if path.is_relative_to(here) else Path(self.key)  # a link may lead here
        return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else path.name

    def absolute(self, base: str) -> Self:
        """Return the location with its path, if local, joined to the working folder `base`."""
        return self if self.local_path is None else type(self)(os.path.join(base, self.path))

    def modified(self) -> float | None:
        """Return the time of the last write, in seconds since 1970; None if nothing is there."""
        try:
            return os.stat(self.path).st_mtime
        except (OSError, ValueError):
            return None


class Place(Location):
    """A file to read or write, which need not exist; its methods raise `UpsampleError`."""

    __slots__ = ()

    @property
    def label(self) -> str:
        """The name of this input in messages."""
        return str(self)

    @property
    def suffix(self) -> str:
        """The suffix in lower case, such as ".png", or ""."""
        return os.path.splitext(str(self))[1].lower()

    @property
    def folder(self) -> "Folder":
        """The folder that the file lies in."""
        return Place(os.path.dirname(self.path) or ".").as_folder()

    def as_folder(self) -> "Folder":
        """Return the folder with this path; it need not exist."""
        from upsample_cli.images.places.folder import Folder  # it imports this module

        return Folder(self.path)

    def is_folder(self) -> bool:
        """Return whether a folder exists at the path; False where that cannot be found out."""
        return self.as_folder().exists()

    def is_rereadable(self) -> bool:
        """Return whether the place can be read more than once, as plain files and objects can."""
        return self.is_remote or (not self.is_stream and os.path.isfile(self.path))

    def open(self) -> BinaryIO:
        """Open the file for reading; the result can seek, so a pipe is first read into memory."""
        path = self.path
        try:
            file = open(path, "rb")  # noqa: SIM115 # the caller closes it
            if file.seekable():
                return file
            with file:
                return io.BytesIO(memory.read_all(file, path))
        except FileNotFoundError as error:
            raise ImageFileError(f"no file {path}; check the path") from error
        except IsADirectoryError as error:
            raise ImageFileError(f"{path} is a folder; name a picture in it") from error
        except OSError as error:
            folder = self.is_folder()
            what, advice = (f"folder {path}", "its permissions") if folder else (path, "the file")
            raise ImageFileError(f"cannot read {what}: {error.strerror}; check {advice}") from error
        except ValueError as error:  # such as a NUL in the name
            raise ImageFileError(f"cannot read {path}: {error}; check the path") from error

    def open_head(self) -> BinaryIO:
        """Open the file to read its head; of an object, the store first sends only the head."""
        return self.open()

    def check_target(self, sources: Sequence["Place"], force: bool) -> None:
        """Raise an error if the place cannot be a target, before any work is done.

        Args:
            sources: The places that are read.
            force: Whether to replace an existing file.

        Raises:
            TargetExistsError: The file exists, and `force` is off.
            ImageFileError: The target is a source or a folder, or cannot be written.
        """
        path, exists = self.path, True
        if self.is_folder():
            raise ImageFileError(f"{path} is a folder; name a file in it")
        if not self.folder.exists():
            raise self.folder.missing_error()
        try:
            os.lstat(path)  # not `os.stat`: a link to nothing counts as a file
        except FileNotFoundError:
            exists = False
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", error)  # without number and path
            raise ImageFileError(f"cannot write {path}: {reason}; choose another name") from error
        for local in filter(None, (source.local_path for source in sources)):
            with suppress(OSError, ValueError):  # a file that is not there is not the input
                if os.path.samefile(path, local):
                    raise ImageFileError(f"{path} is also the input; name another output")
        if exists and not force and not self._is_special():
            raise self._exists()
        if not self._is_special() and not atomic_file.is_allowed(path):
            raise ImageFileError(f"cannot write {path}: Permission denied; choose another place")

    @contextmanager
    def writing(self, force: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
        """Open the file for writing; it appears when the block ends, or never if the block fails.

        A device or a pipe is written directly.

        Args:
            force: Whether to replace an existing file, even one made while the block runs.
            mode: Mode of a new file, before the umask; a replaced file keeps its mode.

        Raises:
            TargetExistsError: The file exists when the block ends, and `force` is off.
            ImageFileError: The file cannot be written.
        """
        try:
            if self._is_special():
                with open(self.path, "wb") as file:
                    yield file
            else:
                with atomic_file.writing(self.path, force, mode) as file:
                    yield file
        except FileExistsError as error:
            raise self._exists() from error
        except OSError as error:
            reason = error.strerror or error
            raise ImageFileError(f"cannot write {self}: {reason}; choose another place") from error

    def editing(self, anew: bool) -> AbstractContextManager[str]:
        """Return a context manager that gives the path of a local file to change.

        For an object this file is a copy, which is uploaded when the block ends.

        Args:
            anew: Whether the copy of an object begins empty, even if the object exists.
        """
        return nullcontext(self.path)

    def _exists(self) -> TargetExistsError:
        return TargetExistsError(f"{self} exists; pass --force to replace it")

    def _is_special(self) -> bool:
        """Return whether a device or a pipe is at the path."""
        mode = atomic_file.mode_of(self.path)
        return mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
