"""The files below a folder, in order, no more of them in memory than one folder's names."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from upsample_cli.jobs.globs import Globs


@dataclass(frozen=True, slots=True)
class Folder:
    """What is in a folder, by name.

    Args:
        prefix: Its path relative to the top, with a slash at its end; empty for the top.
        files: Those that are wanted, sorted; a folder that cannot be read is one of its parent's.
        folders: Those to look into.
        hidden: How many files and folders begin with a dot and were left out.
    """

    prefix: str
    files: list[str]
    folders: list[str]
    hidden: int


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder that is being walked: its path, the names to come, and where it lies."""

    prefix: str
    names: Iterator[str]
    folders: frozenset[str]
    line: tuple[tuple[int, int], ...]


def walk(top: str, globs: Globs, entered: Callable[[Folder], None] | None = None) -> Iterator[str]:
    """Yield the files below a folder as paths relative to it with slashes, sorted level by level.

    Links are followed, but not to a folder that leads here. A folder that cannot be read is
    yielded itself: whoever opens it learns why.

    Args:
        top: The folder.
        globs: Which are wanted.
        entered: Is told of every folder before any file in it is yielded.

    Raises:
        OSError: The folder itself cannot be read.
    """
    levels = [_level(top, "", (), globs, entered)]
    while levels:
        level = levels[-1]
        name = next(level.names, None)
        if name is None:
            levels.pop()
            continue
        path = level.prefix + name
        if name not in level.folders:
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
    line: tuple[tuple[int, int], ...],
    globs: Globs,
    entered: Callable[[Folder], None] | None,
) -> _Level:
    place = _identity(folder)
    if place in line:
        raise _CirclingError
    found = _listed(folder, prefix, globs)
    if entered is not None:
        entered(found)
    names = sorted([*found.files, *found.folders]) if found.folders else found.files
    return _Level(prefix, iter(names), frozenset(found.folders), (*line, place))


def _identity(folder: str) -> tuple[int, int]:
    about = Path(folder).stat()
    return about.st_dev, about.st_ino


def _listed(folder: str, prefix: str, globs: Globs) -> Folder:
    files: list[str] = []
    folders: list[str] = []
    hidden = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                hidden += 1
            elif entry.is_dir():
                if not globs.leaves(prefix + name):
                    folders.append(name)
            # Of pipes and devices none is a picture; a link to nothing is a loss to be told.
            elif (entry.is_file() or entry.is_symlink()) and globs.takes(prefix + name):
                files.append(name)
    files.sort()
    return Folder(prefix, files, folders, hidden)
