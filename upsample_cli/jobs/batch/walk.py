"""The files below a folder, in order, no more of them in memory than one folder's names."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from upsample_cli.images.places.target import is_url
from upsample_cli.jobs.batch.globs import Globs


@dataclass(frozen=True, slots=True)
class Folder:
    """What is in a folder, by name.

    Args:
        prefix: Its path relative to the top, with a slash at its end; empty for the top.
        files: Those that are wanted, sorted; a folder that cannot be read is one of its parent's.
        folders: Those to look into.
        hidden: How many files and folders begin with a dot, or have no name, and were left out.
    """

    prefix: str
    files: list[str]
    folders: list[str]
    hidden: int


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder that is being walked.

    Args:
        prefix: Its path relative to the top, with a slash at its end.
        names: Those to come, and which of them are folders.
        line: The identities of the folders it lies in and of its own, none of which is entered.
    """

    prefix: str
    names: Iterator[tuple[str, bool]]
    line: tuple[object, ...]


def walk(
    top: str,
    globs: Globs,
    entered: Callable[[Folder], None] | None = None,
    apart: str | None = None,
) -> Iterator[str]:
    """Yield the files below a folder as paths relative to it with slashes, sorted level by level.

    Links are followed, but not to a folder that leads here or is kept apart. A folder that cannot
    be read is yielded itself: whoever opens it learns why.

    Args:
        top: The folder, or its URL.
        globs: Which are wanted.
        entered: Is told of every folder before any file in it is yielded.
        apart: The folder that is written, if it is there yet; no link leads into it.

    Raises:
        OSError: The folder itself cannot be read.
        UpsampleError: Objects cannot be listed.
    """
    levels = [_level(top, "", _never_entered(top, apart), globs, entered)]
    while levels:
        level = levels[-1]
        name, is_folder = next(level.names, ("", False))
        if not name:
            levels.pop()
            continue
        path = level.prefix + name
        if not is_folder:
            yield path
            continue
        try:
            levels.append(_level(f"{top}/{path}", f"{path}/", level.line, globs, entered))
        except _CirclingError:
            continue
        except OSError:
            yield path


class _CirclingError(Exception):
    """A link leads to a folder that it lies in."""


def _level(
    folder: str,
    prefix: str,
    line: tuple[object, ...],
    globs: Globs,
    entered: Callable[[Folder], None] | None,
) -> _Level:
    place = _identity(folder)
    if place in line:
        raise _CirclingError
    found = _listed(folder, prefix, globs)
    if entered is not None:
        entered(found)
    # Where there are objects, one of them and a folder can have the same name.
    files, folders = zip(found.files, repeat(False)), zip(found.folders, repeat(True))
    names = iter(sorted([*files, *folders])) if found.folders else files
    return _Level(prefix, names, (*line, place))


def _never_entered(top: str, apart: str | None) -> tuple[object, ...]:
    """Return the identities of the folders that a folder lies in, and of one to be kept apart."""
    around = () if is_url(top) else Path(top).resolve().parents
    found: list[object] = []
    for folder in (*around, *([] if apart is None or is_url(apart) else [apart])):
        with suppress(OSError):  # not there, or not ours to look at
            found.append(_identity(str(folder)))
    return tuple(found)


def _identity(folder: str) -> object:
    """Return what is the same for every path to a folder; no URL is a link to another."""
    if is_url(folder):
        return folder
    about = Path(folder).stat()
    return about.st_dev, about.st_ino


def _listed(folder: str, prefix: str, globs: Globs) -> Folder:
    files: list[str] = []
    folders: list[str] = []
    hidden = 0
    for name, is_folder in _objects(folder) if is_url(folder) else _entries(folder):
        if name[:1] in (".", ""):  # between two slashes of a key there is none
            hidden += 1
        elif is_folder:
            if not globs.leaves(prefix + name):
                folders.append(name)
        elif globs.takes(prefix + name):
            files.append(name)
    files.sort()
    return Folder(prefix, files, folders, hidden)


def _entries(folder: str) -> Iterator[tuple[str, bool]]:
    """Yield the names in a folder, and which are folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link to itself, or to where we may not look
                is_folder = is_file = False
            # Of pipes and devices none is a picture; a link to nothing is a loss to be told.
            if is_folder or is_file or entry.is_symlink() or entry.name[0] == ".":
                yield entry.name, is_folder


def _objects(folder: str) -> Iterator[tuple[str, bool]]:
    """Yield likewise what lies below a URL."""
    from upsample_cli.images.places import store  # few names are URLs

    for entry in store.listed(folder):
        yield entry.name, entry.is_folder
