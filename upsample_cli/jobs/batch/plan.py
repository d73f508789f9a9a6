"""The plan of a batch: pairs of input and output, computed at each use instead of stored."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.batch.outputs import Naming
from upsample_cli.jobs.batch.walk import Globs, Listing, walk

Pair: TypeAlias = tuple[Place, Place]
"""Where a picture is read and where it is written."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Pairs of an input and its output; no two outputs are the same.

    Args:
        pairs: Returns the pairs in order; may be called again and again.
        count: The number of pairs.
        hidden: The number of files and folders left out because their names begin with a dot
            or are empty.
    """

    pairs: Callable[[], Iterator[Pair]]
    count: int
    hidden: int = 0


def of_places(
    sources: Sequence[Place | Folder],
    to: Folder,
    naming: Naming,
    globs: Globs,
    tree: bool = False,
) -> Plan:
    """Return the plan for files and for folders, whose files are sorted and keep their subfolders.

    Args:
        sources: Files and folders; a file that comes twice gets each of its outputs once. A
            folder alone becomes the output folder itself, unless `tree` is set; otherwise each
            folder becomes a folder in it.
        to: The folder to write to; it need not exist yet.
        naming: How outputs are named.
        globs: Which files to take.
        tree: Whether each source keeps the folders of its path, below the working folder or the
            bucket; a source outside the working folder keeps its name alone.

    Raises:
        ImageFileError: Two inputs have the same output, an output is an input, the output folder
            lies in an input or is a file, or an input folder cannot be read.
    """
    places = list({source.key: source for source in sources}.values())

    def output_path(source: Place | Folder) -> str:
        """Return the path of a source below the output folder, before `naming`."""
        return source.relative if tree else source.name

    def target(source: Folder) -> Folder:
        """Return the output folder for the files below an input folder."""
        return to if len(places) == 1 and not tree else to.folder(output_path(source))

    def all_pairs() -> Iterator[Pair]:
        """Yield the pair of each file, and the pairs of the files below each folder."""
        for source in places:
            if isinstance(source, Folder):
                yield from _walked(source, target(source), naming, walk(source, globs, omit=to))
            elif globs.includes(path := output_path(source)):
                yield source, to.file(naming.output(path))

    count = hidden = 0
    for source in places:
        if isinstance(source, Folder):
            _check_folders(source, to, target(source))
            file_count, hidden_count = _counted(source, target(source), naming, globs, to)
            count, hidden = count + file_count, hidden + hidden_count
        else:
            count += globs.includes(output_path(source))
    repeats = _repeats(all_pairs) if len(places) > 1 else Counter[str]()
    pairs = partial(_unique, repeats, all_pairs) if repeats else all_pairs
    if any(_may_overlap(source, to) for source in places):
        _check_no_input_is_output(pairs)
    return Plan(pairs, count - repeats.total(), hidden)


def _pairs(source: Folder, to: Folder, naming: Naming, paths: Iterable[str]) -> Iterator[Pair]:
    """Yield the pairs of files below a folder, given by their relative paths."""
    return ((source.file(path), to.file(naming.output(path.rstrip("/")))) for path in paths)


def _walked(source: Folder, to: Folder, naming: Naming, paths: Iterable[str]) -> Iterator[Pair]:
    """Yield the pairs of the files below a folder; if it is gone, a pair that fails to open."""
    unreadable = ImageFileError if source.is_remote else OSError
    try:
        yield from _pairs(source, to, naming, paths)
    except unreadable:
        place = source.file("") if source.is_remote else Place(source.path)
        yield place, to.file(naming.output(source.name))


def _counted(
    source: Folder, to: Folder, naming: Naming, globs: Globs, omit: Folder
) -> tuple[int, int]:
    """Count the files below a folder and the hidden names; refuse two files with one output."""
    hidden = 0

    def on_listing(listing: Listing) -> None:
        """Count the hidden names of one folder, and check its outputs."""
        nonlocal hidden
        hidden += listing.hidden
        _repeats(lambda: _pairs(source, to, naming, listing.files))

    try:
        count = sum(1 for _ in walk(source, globs, on_listing, omit))
    except OSError as error:
        raise ImageFileError(
            f"cannot read {source}: {error.strerror}; check path and access"
        ) from error
    if not count and not source.exists():
        raise ImageFileError(f"no file or folder {source}; check the path")
    return count, hidden


def _check_folders(source: Folder, to: Folder, target: Folder) -> None:
    """Refuse an output folder that is a file, or in `source`, where outputs would become inputs."""
    for folder in (to, target):
        is_checked = folder is to or not folder.is_remote  # an object may share a folder's name
        if is_checked and folder.modified() is not None and not folder.exists():
            raise ImageFileError(f"{folder} is a file; name a folder to write to")
        if source.contains(folder):
            raise ImageFileError(f"{folder} is inside {source}; name a folder outside it")


def _repeats(pairs: Callable[[], Iterable[Pair]]) -> Counter[str]:
    """Count the pairs that repeat an earlier pair, by output; refuse two inputs with one output."""
    # To save memory, only the hash of an output is kept; its path, if two hashes are equal.
    codes, counts = np.unique(
        np.fromiter((hash(_system_name(to)) for _, to in pairs()), np.int64), return_counts=True
    )
    shared = set(codes[counts > 1].tolist())
    sources, repeats = dict[str, Place](), Counter[str]()
    for source, to in pairs() if shared else ():
        name = _system_name(to)
        if name in sources:
            if sources[name].key != source.key:
                raise ImageFileError(
                    f"{sources[name]} and {source} would both become {to}; rename one of them"
                )
            repeats[name] += 1
        elif hash(name) in shared:
            sources[name] = source
    return repeats


def _unique(repeats: Counter[str], pairs: Callable[[], Iterable[Pair]]) -> Iterator[Pair]:
    """Yield each pair once; `repeats` has the outputs of the pairs that come again."""
    yielded = set[str]()
    for pair in pairs():
        name = _system_name(pair[1])
        if name not in yielded:
            yield pair
        if name in repeats:
            yielded.add(name)


def _may_overlap(source: Place | Folder, to: Folder) -> bool:
    """Return whether an output in `to` may be an input; of URLs, only the text is compared."""
    if source.is_remote or to.is_remote:
        return source.path.startswith(f"{to.path.rstrip('/')}/")
    return to.exists()


def _check_no_input_is_output(pairs: Callable[[], Iterable[Pair]]) -> None:
    """Refuse a plan that would overwrite an input, whichever paths or links lead to the input."""
    inputs = {hash(_identity(source)) for source, _ in pairs()}  # eight bytes, not whole paths
    for source, to in pairs():
        known = _identity(to)
        if known is None or hash(known) not in inputs:
            continue
        for other, _ in pairs():
            if _identity(other) == known:
                raise ImageFileError(
                    f"{source} would become {to}, which is the input {other}; name another folder"
                )


def _identity(place: Place) -> object:
    """Return a value that is the same for every path to a file; None if there is no file."""
    if place.is_remote:
        return place.path
    try:
        status = Path(place.path).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _system_name(place: Place) -> str:
    """Return the path of a place; in lower case where the system ignores case."""
    ignores_case = sys.platform in ("darwin", "win32") and not place.is_remote
    return place.path.casefold() if ignores_case else place.path
