"""Folders: list their entries, and find the places of files in them."""

import os
from collections.abc import Iterator
from typing import NamedTuple, Self

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places import atomic_file
from upsample_cli.images.places.place import Location, Place


class Entry(NamedTuple):
    """An entry of a folder's listing.

    Args:
        name: The name alone; empty where an object's key has two slashes in a row, and a path
            where a page links what lies deeper.
        is_folder: Whether the entry is a folder.
        modified: Time of the last write, in seconds since 1970; NaN where the listing has none.
    """

    name: str
    is_folder: bool
    modified: float = float("nan")


class Folder(Location):
    """A folder on this machine, which need not exist; `RemoteFolder` is a folder in a store."""

    __slots__ = ()

    def exists(self) -> bool:
        """Return whether a folder exists at the path."""
        return os.path.isdir(self.path)

    def file(self, name: str) -> Place:
        """Return the file called `name` in this folder; `name` may contain slashes."""
        return Place(self._joined(name))

    def folder(self, name: str) -> Self:
        """Return the folder called `name` in this folder; `name` may contain slashes."""
        return type(self)(self._joined(name))

    def entries(self) -> Iterator[Entry]:
        """Yield folders, files, links and whatever is hidden; other pipes and devices are left out.

        Raises:
            OSError: The folder cannot be read.
            UpsampleError: A store does not answer.
        """
        with os.scandir(self.path) as entries:
            for entry in entries:
                try:
                    is_folder, is_file = entry.is_dir(), entry.is_file()
                except OSError:  # a link to itself, or to where we may not look
                    is_folder = is_file = False
                # A link to nothing is yielded, so that it is reported; a link to a pipe is not.
                is_lost = entry.is_symlink() and not os.path.exists(entry.path)
                if is_folder or is_file or is_lost or entry.name[0] == ".":
                    yield Entry(entry.name, is_folder)

    def make(self) -> None:
        """Create the folder and its parents, as far as they do not exist."""
        try:
            os.makedirs(self.path, exist_ok=True)
        except FileExistsError as error:
            raise self.missing_error() from error
        except OSError as error:
            raise ImageFileError(
                f"cannot create {self}: {error.strerror}; name another folder"
            ) from error

    def missing_error(self) -> ImageFileError:
        """Return the error to raise if no folder exists at the path."""
        path = self.path.rstrip("/")
        if os.path.lexists(path):
            kind = "a file" if os.path.exists(path) else "a link to nothing"
            return ImageFileError(f"{self} is {kind}, not a folder; name another output")
        return ImageFileError(f"no folder {self}; make it first")

    def clean(self) -> int:
        """Remove temporary files that killed processes left in the folder; return their number."""
        return 0 if self.is_remote else atomic_file.clean(self.path)  # uploads need none

    def identity(self) -> object:
        """Return a value that is the same for every path to the folder; may raise `OSError`."""
        status = os.stat(self.path)
        return status.st_dev, status.st_ino

    def is_link(self) -> bool:
        """Return whether the path itself is a link."""
        return not self.is_remote and os.path.islink(self.path)

    def parents(self) -> tuple["Folder", ...]:
        """Return all parent folders; a link inside the folder may lead back to them."""
        from pathlib import Path  # slow to import, and only batches need it

        return tuple(Folder(str(folder)) for folder in Path(self.path).resolve().parents)

    def contains(self, other: "Folder") -> bool:
        """Return whether another folder is this folder or lies in it."""
        from pathlib import Path  # as in `parents`

        inner, outer = os.path.realpath(other.path), os.path.realpath(self.path)
        return not other.is_remote and Path(inner).is_relative_to(outer)

    def _joined(self, name: str) -> str:
        return f"{self.path.rstrip('/')}/{name}"


def as_file(place: Place | Folder) -> Place:
    """Return the place unchanged, after a check that it is not a folder.

    Raises:
        ImageFileError: The place is a folder.
    """
    if isinstance(place, Folder):
        raise ImageFileError(f"{place} is a folder; name a file in it")
    return place
