"""Folders: what lies in them, and where a file of theirs is."""

import os
from collections.abc import Iterator
from typing import NamedTuple, Self

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places import atomic_file
from upsample_cli.images.places.place import Location, Place


class Entry(NamedTuple):
    """An entry of a folder's listing.

    Args:
        name: Without the folder; empty for what lies between two slashes of a key.
        is_folder: Whether there is more below it.
        modified: When it was written, in seconds since 1970; NaN where a listing does not tell.
    """

    name: str
    is_folder: bool
    modified: float = float("nan")


class Folder(Location):
    """A folder on this machine, there or not; `RemoteFolder` is one in a store."""

    __slots__ = ()

    def exists(self) -> bool:
        """Tell whether it is there, as a folder."""
        return os.path.isdir(self.path)

    def file(self, name: str) -> Place:
        """Return the file of a name, which may contain slashes."""
        return Place(self._joined(name))

    def folder(self, name: str) -> Self:
        """Return the folder of a name, which may contain slashes."""
        return type(self)(self._joined(name))

    def entries(self) -> Iterator[Entry]:
        """Yield folders, files and links; pipes and devices are left out, as none is a picture.

        Raises:
            OSError: It cannot be read.
            UpsampleError: A store cannot be asked.
        """
        with os.scandir(self.path) as entries:
            for entry in entries:
                try:
                    is_folder, is_file = entry.is_dir(), entry.is_file()
                except OSError:  # a link to itself, or to where we may not look
                    is_folder = is_file = False
                # A link to nothing is yielded, so that it is reported.
                if is_folder or is_file or entry.is_symlink() or entry.name[0] == ".":
                    yield Entry(entry.name, is_folder)

    def make(self) -> None:
        """Make it and the folders it lies in, if they are not there."""
        try:
            os.makedirs(self.path, exist_ok=True)
        except FileExistsError as error:
            raise self.absence() from error
        except OSError as error:
            raise ImageFileError(
                f"cannot create {self}: {error.strerror}; name another folder"
            ) from error

    def absence(self) -> ImageFileError:
        """Return the error for a folder that is not there."""
        path = self.path.rstrip("/")
        if os.path.lexists(path):
            kind = "a file" if os.path.exists(path) else "a link to nothing"
            return ImageFileError(f"{self} is {kind}, not a folder; name another output")
        return ImageFileError(f"no folder {self}; make it first")

    def clean(self) -> int:
        """Remove temporary files that killed processes left in it; return how many."""
        return 0 if self.is_remote else atomic_file.clean(self.path)  # objects are put whole

    def identity(self) -> object:
        """Return a value that is the same for every path to the folder; may raise `OSError`."""
        status = os.stat(self.path)
        return status.st_dev, status.st_ino

    def is_link(self) -> bool:
        """Tell whether its path is that of a link."""
        return not self.is_remote and os.path.islink(self.path)

    def parents(self) -> tuple["Folder", ...]:
        """Return the folders it lies in, to which a link in it may lead back."""
        from pathlib import Path  # for batches alone: it is slow to import

        return tuple(Folder(str(folder)) for folder in Path(self.path).resolve().parents)

    def contains(self, other: "Folder") -> bool:
        """Tell whether another folder is this one, or lies in it."""
        from pathlib import Path  # as in `parents`

        inner, outer = os.path.realpath(other.path), os.path.realpath(self.path)
        return not other.is_remote and Path(inner).is_relative_to(outer)

    def _joined(self, name: str) -> str:
        return f"{self.path.rstrip('/')}/{name}"


def as_file(place: Place | Folder) -> Place:
    """Return a place that has to be a file.

    Raises:
        ImageFileError: It is a folder.
    """
    if isinstance(place, Folder):
        raise ImageFileError(f"{place} is a folder; name a file in it")
    return place
