"""Which file becomes which. A plan streams: it is made anew whenever it is read, path by path."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.target import is_folder, is_url, modified
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.jobs.batch.globs import Globs
from upsample_cli.jobs.batch.walk import Folder, walk

Pair: TypeAlias = tuple[str, str]
"""Where a picture is read and where it is written."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Inputs and outputs, no two outputs the same.

    Args:
        pairs: Gives them in order, as often as it is called.
        count: How many there are.
        hidden: How many files and folders were left out because their names begin with a dot.
    """

    pairs: Callable[[], Iterator[Pair]]
    count: int
    hidden: int = 0


def of_folder(
    source: str, to: str, format: str | None, globs: Globs, root: str | None = None
) -> Plan:
    """Return the plan of all files below a folder, sorted, the tree kept.

    Args:
        source: The folder to read.
        to: The folder to write; need not be there yet.
        format: A word of `formats.FORMATS` that every output gets; None keeps the inputs' suffixes.
        globs: Which files are wanted.
        root: The folder of all outputs, which no link may lead into; that to write by default.

    Raises:
        ImageFileError: Two inputs have the same output, or the output folder is within the input.
    """
    _check_folders(source, to)
    source, to = source.rstrip("/") or "/", to.rstrip("/") or "/"
    hidden = 0

    def entered(folder: Folder) -> None:
        """Refuse files of one folder that have one output; those of two folders never meet."""
        nonlocal hidden
        hidden += folder.hidden
        below = f"{source}/{folder.prefix}", f"{to}/{folder.prefix}"
        _check_apart(lambda: ((below[0] + name, below[1] + renamed(name, format))
                              for name in folder.files))  # fmt: skip

    def pairs() -> Iterator[Pair]:
        """Walk the folder again."""
        for path in walk(source, globs, apart=root or to):
            yield f"{source}/{path}", f"{to}/{renamed(path, format)}"

    try:
        count = sum(1 for _ in walk(source, globs, entered, root or to))
    except OSError as error:
        raise ImageFileError(f"cannot read {source}: {error.strerror}; check it") from error
    return Plan(pairs, count, hidden)


def of_paths(
    sources: Sequence[str], to: str, format: str | None, globs: Globs, tree: bool = False
) -> Plan:
    """Return the plan of files that are named, and of what is below folders among them.

    Args:
        sources: Files and folders; of names of the same one, the first is taken.
        to: The folder to write; need not be there yet.
        format: As in `of_folder`.
        globs: Which files are wanted.
        tree: Whether relative paths, and URLs below their bucket, keep their folders; what lies
            outside the working folder, and without `tree` everything, is known by its name alone.
            Then a URL is a folder if it ends with a slash: thousands of them are not asked for.

    Raises:
        ImageFileError: Two inputs have the same output, or the output folder is within an input.
    """
    to = to.rstrip("/") or "/"
    sources = _once(sources)
    below = {each: of_folder(each, f"{to}/{_placed(each, tree)}", format, globs, to)
             for each in sources if _is_folder(each, tree)}  # fmt: skip
    for folder in below:
        _check_folders(folder, to)

    def pairs() -> Iterator[Pair]:
        """Yield the files one by one, and what is below each folder."""
        for source in sources:
            if source in below:
                yield from below[source].pairs()
            elif globs.takes(place := _placed(source, tree)):
                yield source, f"{to}/{renamed(place, format)}"

    _check_apart(pairs)
    return Plan(pairs, sum(1 for _ in pairs()), sum(each.hidden for each in below.values()))


def renamed(path: str, format: str | None) -> str:
    """Return the output's name: with the format's suffix, or .png if the input's is not written.

    >>> renamed("a/b.jpg", None), renamed("a/b.jpg", "webp"), renamed("a.b/c", "webp")
    ('a/b.jpg', 'a/b.webp', 'a.b/c.webp')
    >>> renamed("b.ico", None)
    'b.ico.png'
    """
    stem, dot, suffix = path.rpartition(".")
    if "/" in suffix:
        stem, dot, suffix = "", "", ""
    if format is not None:
        return f"{stem or path}.{format}"
    return path if dot and suffix.lower() in FORMATS else f"{path}.png"


def _once(sources: Sequence[str]) -> list[str]:
    """Return each source once, whether it is named as `a` or as `./a`; links are others."""
    named: dict[str, str] = {}
    for source in sources:
        named.setdefault(source if is_url(source) else str(Path(source)), source)
    return list(named.values())


def _is_folder(path: str, tree: bool) -> bool:
    return path.endswith("/") if tree and is_url(path) else is_folder(path)


def _placed(path: str, tree: bool) -> str:
    """Return where a path is put below the output folder."""
    if is_url(path):
        bucket, _, key = path.partition("://")[2].rstrip("/").partition("/")
        parts = key.split("/")
        return key if tree and not {"", ".", ".."} & {*parts} else parts[-1] or bucket
    here = Path.cwd()
    place = Path(os.path.normpath(here / path))
    if tree and place.is_relative_to(here):
        return place.relative_to(here).as_posix()
    return place.name


def _check_folders(source: str, to: str) -> None:
    """Refuse an output folder that is a file or lies within the input, to be read next time."""
    if modified(to) is not None and not is_folder(to):
        raise ImageFileError(f"{to} is a file; name a folder to write to")
    if _is_within(to, source):
        raise ImageFileError(f"{to} lies within {source}; name a folder outside it")


def _is_within(path: str, folder: str) -> bool:
    if is_url(path) or is_url(folder):
        return f"{path}/".startswith(f"{folder.rstrip('/')}/")
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _check_apart(pairs: Callable[[], Iterable[Pair]]) -> None:
    """Refuse pairs of which two have one output, with eight bytes of memory for each."""
    codes, counts = np.unique(
        np.fromiter((hash(_known_as(to)) for _, to in pairs()), np.int64), return_counts=True
    )
    shared = set(codes[counts > 1].tolist())
    seen: dict[str, str] = {}
    for source, to in pairs() if shared else ():
        name = _known_as(to)
        if name in seen:
            raise ImageFileError(
                f"{seen[name]} and {source} would both become {to}; rename one of them"
            )
        if hash(name) in shared:
            seen[name] = source


def _known_as(path: str) -> str:
    """Return what a path is to the system, where that takes upper and lower case for the same."""
    alike = sys.platform in ("darwin", "win32") and not is_url(path)
    return path.casefold() if alike else path
