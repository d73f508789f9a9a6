"""The files below a folder, in order; memory holds only the names in one folder and its parents."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place

if TYPE_CHECKING:
    from pathspec import PathSpec, RegexPattern


_MOST_VISITS = 100  # times that links may lead to one folder
_BETWEEN = re.compile(r"\[\^/\]\*([^()*]+?)(?=\[\^/\]\*)")  # a text between two `*` of a glob
_BRACKETS = re.compile(r"(?s)(?<!(?<!\\)\\)\[([!^]?)(\]?+(?:\[:[a-z]+:]|\\.|[^]\\])*)]")  # [!a-z]
_IN_BRACKETS = re.compile(r"(?s)\[:([a-z]+):]|(?<=.)(-)(?=.)|\\?(.)")
_POSIX = {
    "alnum": "0-9a-z", "alpha": "a-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\s",
    "upper": "a-z", "xdigit": "0-9a-f",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Globs:
    """Patterns as in `.gitignore`, for paths relative to a folder; case is ignored.

    `*` and `?` stop at a slash, `**` does not. A pattern without a slash matches names at any
    depth, one with a slash matches the whole path. If a folder matches, all that is in it does.

    Args:
        include: A file has to match one of these patterns; without any, all files do.
        exclude: A file or folder that matches one of these patterns is left out.

    >>> Globs(include=("*.jpg",), exclude=("thumbs/",)).includes("a/b.JPG")
    True
    >>> Globs(exclude=("thumbs", "**/old/*.png")).excludes_folder("a/thumbs")
    True
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def includes(self, path: str) -> bool:
        """Return whether a file is included and not excluded."""
        path = path.lower()
        is_included = not self.include or _spec(self.include).match_file(path)
        is_excluded = self.exclude and _spec(self.exclude).match_file(path)
        return bool(is_included and not is_excluded)  # old versions of pathspec return None

    def excludes_folder(self, path: str) -> bool:
        """Return whether a folder is left out, with everything in it."""
        return bool(self.exclude) and _spec(self.exclude).match_file(f"{path.lower()}/")


@lru_cache(2)
def _spec(patterns: tuple[str, ...]) -> "PathSpec[RegexPattern]":
    from pathspec import GitIgnoreSpec, PathSpec, RegexPattern  # most runs have no patterns

    # Escape a first # (a comment), a first ! (a negation) and a last space (dropped).
    special = r"^(?=[#!])|(?<!\\)(?= \Z)"
    globs = [glob.removeprefix("./").lower() for glob in patterns]
    # pathspec reads brackets in another way than git, so a NUL takes the place of each.
    plain = (re.sub(special, r"\\", _BRACKETS.sub("\0", glob)) for glob in globs)
    classes = (_class_regex(*parts) for glob in globs for parts in _BRACKETS.findall(glob))
    try:
        parsed = GitIgnoreSpec.from_lines(plain).patterns
        regexes = (pattern.regex.pattern for pattern in parsed if pattern.regex)
        # Atomic groups search a text between two `*` only once; else many `*` take for ever.
        atomic = (_BETWEEN.sub(r"(?>[^/]*?\1)", regex) for regex in regexes)
        complete = (re.sub("\0", lambda _: next(classes), regex) for regex in atomic)
        return PathSpec([RegexPattern(re.compile(regex), True) for regex in complete])
    except (ValueError, re.error) as error:  # the latter for a range such as [z-a]
        reason = error.msg if isinstance(error, re.error) else error
        raise SettingError(
            f"invalid pattern in {', '.join(patterns)} ({reason}); write patterns as in .gitignore"
        ) from error


def _class_regex(negation: str, inside: str) -> str:
    """Return brackets of a glob, such as [!a-z], as a regular expression; they match no slash."""

    def plain(part: re.Match[str]) -> str:
        """Return the characters of a POSIX class, the hyphen of a range, or one character."""
        return _POSIX.get(part[1], "") if part[1] else part[2] or re.escape(part[3])

    return f"(?!/)[{'^' * len(negation)}{_IN_BRACKETS.sub(plain, inside)}]"


class Listing(NamedTuple):
    """The paths in one folder that a walk takes, relative to the top folder of the walk.

    Args:
        files: Files, sorted; a link that leads nowhere counts as a file.
        folders: Folders to walk, too.
        hidden: The number of names left out because they begin with a dot or are empty.
    """

    files: list[str]
    folders: list[str]
    hidden: int


def files_in(sources: Sequence[Place | Folder], globs: Globs) -> Iterator[tuple[Place, bool]]:
    """Yield the files among `sources` and, sorted, those below the folders; each file once.

    Yields:
        A file that `globs` take, and whether it comes from a folder, which may hold other files
        than pictures.

    Raises:
        ImageFileError: A folder cannot be read.
    """
    yielded = set[str]()
    for source in sources:
        files: Iterable[Place] = (
            [source] * globs.includes(source.relative)
            if isinstance(source, Place)
            else map(source.file, walk(source, globs))
        )
        try:
            for file in files:
                if file.key not in yielded:
                    yielded.add(file.key)
                    yield file, isinstance(source, Folder)
        except OSError as error:
            raise ImageFileError(
                f"cannot read {source}: {error.strerror}; check path and access"
            ) from error


def walk(
    top: Folder,
    globs: Globs,
    on_listing: Callable[[Listing], None] | None = None,
    omit: Folder | None = None,
) -> Iterator[str]:
    """Yield the paths of the files below a folder, relative to it, with slashes, sorted by folder.

    Links are followed, except to a folder that they lie in. The path of a subfolder that cannot be
    read is yielded like that of a file, so that an attempt to open it reports why. In a store it
    ends with a slash.

    Args:
        top: The folder.
        globs: Which files to take.
        on_listing: Called with the listing of each folder before any of its files is yielded.
        omit: A folder to leave out, such as that of the outputs; None for none.

    Raises:
        OSError: The top folder cannot be read.
        ImageFileError: The top folder is in a store and cannot be listed, or links lead to one
            folder in too many ways.
    """
    unreadable = ImageFileError if top.is_remote else OSError
    visits = Counter[object]()
    # For each open folder: the paths still to come, and the folders not to enter from there.
    levels = [(iter([("", True)]), _never_entered(top, omit))]
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
        except unreadable:
            if not path:
                raise
            yield path + "/" * top.is_remote
            continue
        if on_listing is not None:
            on_listing(listing)
        # In a store, an object and a folder can have the same name.
        files, folders = zip(listing.files, repeat(False)), zip(listing.folders, repeat(True))
        inside = iter(sorted([*files, *folders])) if listing.folders else files
        levels.append((inside, (*ancestors, identity)))


def _check_visits(folder: Folder, count: int) -> None:
    """Refuse too many links to a folder: links to links can turn one picture into thousands."""
    if count > _MOST_VISITS:
        raise ImageFileError(
            f"links lead to the folder {folder} in more than {_MOST_VISITS} ways; "
            "remove some, or leave them out with --exclude"
        )


def _never_entered(top: Folder, omit: Folder | None) -> tuple[object, ...]:
    """Return the identities of the folders that `top` lies in, and of `omit`."""
    identities: list[object] = []
    for folder in (*top.parents(), *([] if omit is None else [omit])):
        with suppress(OSError):  # not there, or not readable
            identities.append(folder.identity())
    return tuple(identities)


def _listing(folder: Folder, prefix: str, globs: Globs) -> Listing:
    files: list[str] = []
    folders: list[str] = []
    hidden = 0
    for entry in folder.entries():
        path = prefix + entry.name
        if entry.name[:1] in (".", ""):  # a key with two slashes in a row has an empty name
            hidden += 1
        elif entry.is_folder:
            if not globs.excludes_folder(path):
                folders.append(path)
        elif globs.includes(path):
            files.append(path)
    files.sort()
    return Listing(files, folders, hidden)
