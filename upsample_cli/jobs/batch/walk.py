"""The files below a folder, in order; no more of them are in memory than one folder's names."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place

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
        reason = error.msg if isinstance(error, re.error) else error
        raise SettingError(
            f"invalid pattern in {', '.join(patterns)} ({reason}); write patterns as in .gitignore"
        ) from error


class Listing(NamedTuple):
    """The paths in a folder that a walk takes, relative to the top.

    Args:
        files: Sorted; a folder that cannot be read is listed as a file.
        folders: To look into.
        hidden: How many names begin with a dot, or are empty, and were left out.
    """

    files: list[str]
    folders: list[str]
    hidden: int


def files_in(sources: Sequence[Place | Folder], globs: Globs) -> Iterator[tuple[Place, bool]]:
    """Yield the files that are named, and those below folders, sorted.

    Yields:
        Each file, and whether it lies in a folder that was named: such a file may be no picture.

    Raises:
        ImageFileError: A folder cannot be read.
    """
    for source in sources:
        if not isinstance(source, Folder):
            yield source, False
            continue
        try:
            for path in walk(source, globs):
                yield source.file(path), True
        except OSError as error:
            raise ImageFileError(
                f"cannot read {source}: {error.strerror}; check its permissions"
            ) from error


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
    # The paths to come in each folder that is under way, and the folders that it does not lead to.
    levels = [(iter([("", True)]), _never_entered(top, apart))]
    while levels:
        names, ancestors = levels[-1]
        path, is_folder = next(names, (None, False))
        if path is None:
            levels.pop()
            continue
        if not is_folder:
            yield path
            continue
        folder = top.folder(path) if path else top
        try:
            identity = folder.identity()
            if folder.is_link():
                visits[identity] += 1
                _check_visits(folder, visits[identity])
            if identity in ancestors:
                continue
            listing = _listing(folder, f"{path}/" if path else "", globs)
        except OSError:
            if not path:
                raise
            yield path
            continue
        if on_listing is not None:
            on_listing(listing)
        # In a store, an object and a folder can have the same name.
        files, folders = zip(listing.files, repeat(False)), zip(listing.folders, repeat(True))
        inside = iter(sorted([*files, *folders])) if listing.folders else files
        levels.append((inside, (*ancestors, identity)))


def _check_visits(folder: Folder, count: int) -> None:
    """Refuse links to links that make thousands of outputs of one picture."""
    if count > _MOST_VISITS:
        raise ImageFileError(
            f"links lead to the folder {folder} in more than {_MOST_VISITS} ways; "
            "remove some, or leave them out with --exclude"
        )


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
                folders.append(path)
        elif globs.takes(path):
            files.append(path)
    files.sort()
    return Listing(files, folders, hidden)
