"""Places: where pictures are read and written. A path is classified once, by `parse`.

`Place` is a file on this machine; its subclasses are standard streams and objects in stores.
"""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Self

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, TargetExistsError
from upsample_cli.images.places import atomic_file

if TYPE_CHECKING:
    from upsample_cli.images.places.folder import Folder

STREAM = "-"
MAX_PIXELS = 2**28
"""The limit on the pixels of an input, unless another is given."""


def parse(text: str | os.PathLike[str], ask_store: bool = True) -> "Place | Folder":
    """Return the place that a path, a URL or "-" names.

    It is a folder where a folder is there, or where the text ends with a slash.

    Args:
        text: "-" is standard input or output.
        ask_store: Whether to ask what is there if a URL does not end with a slash.

    Raises:
        UpsampleError: A store cannot be asked.
    """
    file = parse_file(text)
    if file.path.endswith(("/", os.sep)) or (
        (ask_store or not file.is_remote) and file.is_folder()
    ):
        return file.as_folder()
    return file


def parse_file(text: str | os.PathLike[str]) -> "Place":
    """Return the file that a path, a URL or "-" names, without looking at what is there."""
    path = os.fspath(text)
    if path == STREAM:
        from upsample_cli.images.places.standard_stream import StandardStream

        return StandardStream(path)
    if "://" in path:
        from upsample_cli.images.places.remote import RemoteFile  # few paths are URLs

        return RemoteFile(path)
    return Place(path)


@dataclass(frozen=True, slots=True)
class Location:
    """What files and folders share.

    Args:
        path: As it was given.
    """

    path: str
    is_remote: ClassVar[bool] = False
    is_stream: ClassVar[bool] = False

    def __str__(self) -> str:
        """Return the path."""
        return self.path

    @property
    def key(self) -> str:
        """A text to compare places by: the same for `a` and for `./a`."""
        from pathlib import Path  # for batches alone: it is slow to import

        return str(Path(self.path))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return os.path.basename(os.path.abspath(self.path))

    @property
    def relative(self) -> str:
        """The path below the working folder; the name of what lies elsewhere."""
        from pathlib import Path  # as in `key`

        here, whole = Path.cwd(), Path(os.path.abspath(self.path))
        return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.name

    def absolute(self, base: str) -> Self:
        """Return the same place for a process whose working folder is not `base`."""
        is_local = not (self.is_remote or self.is_stream)
        return type(self)(os.path.join(base, self.path)) if is_local else self

    def modified(self) -> float | None:
        """Return when what is there was written, in seconds since 1970; None if nothing is."""
        try:
            return os.stat(self.path).st_mtime
        except (OSError, ValueError):
            return None


class Place(Location):
    """A file to read or write, which may not exist yet; its methods raise `UpsampleError`."""

    __slots__ = ()

    @property
    def label(self) -> str:
        """What messages call it as an input."""
        return self.path

    @property
    def suffix(self) -> str:
        """The suffix in lower case, such as ".png", or ""."""
        return os.path.splitext(self.path)[1].lower()

    @property
    def local_path(self) -> str | None:
        """The path of a file on this machine; None for other places."""
        return None if self.is_remote or self.is_stream else self.path

    @property
    def folder(self) -> "Folder":
        """The folder it lies in."""
        from upsample_cli.images.places.folder import Folder  # which imports this module

        return Folder(os.path.dirname(self.path) or ".")

    def as_folder(self) -> "Folder":
        """Return the folder of this path, whether it is there or not."""
        from upsample_cli.images.places.folder import Folder

        return Folder(self.path)

    def is_folder(self) -> bool:
        """Tell whether a folder is there; one that cannot be looked at is none."""
        return os.path.isdir(self.path)

    def is_rereadable(self) -> bool:
        """Tell whether it can be read more than once, as plain files and objects can."""
        return self.is_remote or (not self.is_stream and os.path.isfile(self.path))

    def open(self) -> BinaryIO:
        """Open it for reading; the result can seek, so a pipe is read whole."""
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
        """Open it for reading its first bytes; a store sends no more than that."""
        return self.open()

    def check_target(self, source: "Place", force: bool) -> None:
        """Refuse it as a target before any work is done.

        Args:
            source: The place that is read.
            force: Whether to replace what is there.

        Raises:
            TargetExistsError: It is there, and `force` is off.
            ImageFileError: It is the source, a folder, or in no folder.
        """
        path = self.path
        if self.is_folder():
            raise ImageFileError(f"{path} is a folder; name a file in it")
        if not self.folder.exists():
            raise self.folder.absence()
        try:
            os.lstat(path)  # not `os.stat`: a link to nothing counts as a file
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise ImageFileError(f"cannot write {path}: {error}; choose another name") from error
        with suppress(OSError, ValueError):  # a file that is not there is not the input
            if source.local_path is not None and os.path.samefile(path, source.local_path):
                raise ImageFileError(f"{path} is also the input; name another output")
        if not force and not self._is_special():
            raise self._exists()

    @contextmanager
    def writing(self, force: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
        """Open it for writing; it appears when the block ends, and not at all if that fails.

        A device or a pipe is written straight.

        Args:
            force: Whether to replace what is there, even what comes while the block runs.
            mode: Of a new file, before the umask; one that is replaced keeps its own.

        Raises:
            TargetExistsError: Something is there at the end, and `force` is off.
            ImageFileError: It cannot be written.
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
            raise ImageFileError(
                f"cannot write {self}: {error.strerror or error}; choose another place"
            ) from error

    def editing(self, anew: bool) -> AbstractContextManager[str]:
        """Give the path of a local file to change; of an object, a copy that is put back.

        Args:
            anew: Whether a copy begins empty, whatever is there.
        """
        return nullcontext(self.path)

    def _exists(self) -> TargetExistsError:
        return TargetExistsError(f"{self} exists; pass --force to replace it")

    def _is_special(self) -> bool:
        """Tell whether it is a device or a pipe."""
        mode = atomic_file.mode_of(self.path)
        return mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
