"""The files below a folder, in order; no more of them are in memory than one folder's names."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder

if TYPE_CHECKING:
    from pathspec import PathSpec, RegexPattern


_MOST_VISITS = 100  # of one folder by links
_BETWEEN = re.compile(r"\[\^/\]\*([^()*]+?)(?=\[\^/\]\*)")  # in a regular expression of pathspec


@dataclass(frozen=True)
class Globs:
    """Patterns as in `.gitignore`, on paths relative to a folder; upper and lower case are alike.

    `*` and `?` stop at a slash, `**` does not. A pattern without a slash is for names at any depth,
    one with a slash for the whole path. A folder that matches stands for all that is in it.

    Args:
        include: A file has to match one of these; none stand for all.
        exclude: A file or folder that matches one of these is left out.

    >>> Globs(include=("*.jpg",), exclude=("thumbs/",)).takes("a/b.JPG")
    True
    >>> Globs(exclude=("thumbs", "**/old/*.png")).leaves_folder("a/thumbs")
    True
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Tell whether a file is wanted."""
        path = path.lower()
        is_included = not self.include or self._included.match_file(path)
        return is_included and not (self.exclude and self._excluded.match_file(path))

    def leaves_folder(self, path: str) -> bool:
        """Tell whether a folder is left out with all that is in it."""
        return bool(self.exclude) and self._excluded.match_file(f"{path.lower()}/")

    @cached_property
    def _included(self) -> "PathSpec[RegexPattern]":
        return _spec(self.include)

    @cached_property
    def _excluded(self) -> "PathSpec[RegexPattern]":
        return _spec(self.exclude)


def _spec(patterns: tuple[str, ...]) -> "PathSpec[RegexPattern]":
    from pathspec import GitIgnoreSpec, PathSpec, RegexPattern  # most runs have no patterns

    # A # would begin a comment, a ! undo other patterns, and a space at the end be left out.
    special = r"^(?=[#!])|(?<!\\)(?= \Z)"
    plain = (re.sub(special, r"\\", glob.removeprefix("./").lower()) for glob in patterns)
    try:
        read = GitIgnoreSpec.from_lines(plain).patterns
        regexes = (one.regex.pattern for one in read if one.regex)
        # What stands between two `*` need only be looked for once: else many `*` take for ever.
        quick = (_BETWEEN.sub(r"(?>[^/]*?\1)", regex) for regex in regexes)
        return PathSpec([RegexPattern(re.compile(regex), True) for regex in quick])
    except (ValueError, re.error) as error:  # the latter for a range such as [z-a]
        raise SettingError(f"a pattern cannot be ({error}); see .gitignore") from error


@dataclass(frozen=True, slots=True)
class Listing:
    """The names in a folder that a walk takes.

    Args:
        prefix: The folder's path relative to the top, with a slash at its end; empty for the top.
        files: Names of files, sorted; a folder that cannot be read is listed as a file.
        folders: Names of folders to look into.
        hidden: How many names begin with a dot, or are empty, and were left out.
    """

    prefix: str
    files: list[str]
    folders: list[str]
    hidden: int


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder that is being walked.

    Args:
        prefix: As in `Listing`.
        names: The names that are still to come, and which of them are folders.
        ancestors: The identities of this folder and of those it lies in; none is entered again.
    """

    prefix: str
    names: Iterator[tuple[str, bool]]
    ancestors: tuple[object, ...]


def walk(
    top: Folder,
    globs: Globs,
    on_listing: Callable[[Listing], None] | None = None,
    apart: Folder | None = None,
) -> Iterator[str]:
    """Yield the files below a folder as paths relative to it with slashes, sorted level by level.

    Links are followed, but not to a folder that leads here or is kept apart. A folder that cannot
    be read is yielded itself: whoever opens it reports why.

    Args:
        top: The folder.
        globs: Which files to take.
        on_listing: Called with the listing of each folder before any of its files is yielded.
        apart: A folder that is never entered, such as the one that is written.

    Raises:
        OSError: The top folder cannot be read.
        ImageFileError: Links lead to one folder in too many ways.
        UpsampleError: A store cannot be asked.
    """
    visits = Counter[object]()
    levels = [_level(top, "", _never_entered(top, apart), globs, on_listing)]
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
            folder = top.folder(path)
            if folder.is_link():
                visits[folder.identity()] += 1
                _check_visits(folder, visits[folder.identity()])
            levels.append(_level(folder, f"{path}/", level.ancestors, globs, on_listing))
        except _LinkLoopError:
            continue
        except OSError:
            yield path


def _check_visits(folder: Folder, count: int) -> None:
    """Refuse links to links that make thousands of outputs of one picture."""
    if count > _MOST_VISITS:
        raise ImageFileError(
            f"links lead to the folder {folder} in more than {_MOST_VISITS} ways; "
            "remove some, or leave them out by --exclude"
        )


class _LinkLoopError(Exception):
    """A link leads to a folder that it lies in."""


def _level(
    folder: Folder,
    prefix: str,
    ancestors: tuple[object, ...],
    globs: Globs,
    on_listing: Callable[[Listing], None] | None,
) -> _Level:
    identity = folder.identity()
    if identity in ancestors:
        raise _LinkLoopError
    listing = _listing(folder, prefix, globs)
    if on_listing is not None:
        on_listing(listing)
    # In a store, an object and a folder can have the same name.
    files, folders = zip(listing.files, repeat(False)), zip(listing.folders, repeat(True))
    names = iter(sorted([*files, *folders])) if listing.folders else files
    return _Level(prefix, names, (*ancestors, identity))


def _never_entered(top: Folder, apart: Folder | None) -> tuple[object, ...]:
    """Return the identities of the folders around the top, and of one to be kept apart."""
    identities: list[object] = []
    for folder in (*top.parents(), *([] if apart is None else [apart])):
        with suppress(OSError):  # not there, or not readable
            identities.append(folder.identity())
    return tuple(identities)


def _listing(folder: Folder, prefix: str, globs: Globs) -> Listing:
    files: list[str] = []
    folders: list[str] = []
    hidden = 0
    for entry in folder.entries():
        path = prefix + entry.name
        if entry.name[:1] in (".", ""):  # between two slashes of a key there is no name
            hidden += 1
        elif entry.is_folder:
            if not globs.leaves_folder(path):
                folders.append(entry.name)
        elif globs.takes(path):
            files.append(entry.name)
    files.sort()
    return Listing(prefix, files, folders, hidden)
