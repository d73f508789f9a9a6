"""Which file becomes which. A plan streams: its pairs are made anew whenever they are read."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    source: Folder, to: Folder, naming: Naming, globs: Globs, root: Folder | None = None
) -> Plan:
    """Return the plan of all files below a folder, sorted, the tree kept.

    Args:
        source: The folder to read.
        to: The folder to write; need not be there yet.
        naming: How outputs are called.
        globs: Which files to take.
        root: The folder of all outputs, which no link may lead into; that to write by default.

    Raises:
        ImageFileError: Two inputs have the same output, an output is an input, or the output folder
            is within the input.
    """
    _check_folders(source, to)
    hidden = 0

    def on_listing(listing: Listing) -> None:
        """Count what is hidden; refuse files of one folder that have one output."""
        nonlocal hidden
        hidden += listing.hidden
        _check_apart(lambda: map(pair, listing.files))

    def pair(path: str) -> Pair:
        """Return where a file below the folder is read and written."""
        return source.file(path), to.file(naming.output(path))

    def pairs() -> Iterator[Pair]:
        """Walk the folder again."""
        return map(pair, walk(source, globs, apart=root or to))

    try:
        count = sum(1 for _ in walk(source, globs, on_listing, root or to))
    except OSError as error:
        raise ImageFileError(
            f"cannot read {source}: {error.strerror}; check its permissions"
        ) from error
    if not count and not source.exists():
        raise ImageFileError(f"no file or folder {source}; check the path")
    if _may_meet(source, to):
        _check_no_input_is_output(pairs)
    return Plan(pairs, count, hidden)


def of_places(
    sources: Sequence[Place | Folder],
    to: Folder,
    naming: Naming,
    globs: Globs,
    tree: bool = False,
) -> Plan:
    """Return the plan of files that are named, and of what is below folders among them.

    Args:
        sources: Files and folders; one that is named twice is taken once.
        to: The folder to write; need not be there yet.
        naming: How outputs are called.
        globs: Which files to take.
        tree: Whether relative paths, and URLs below their bucket, keep their folders; what lies
            outside the working folder, and without `tree` everything, goes by its name alone.

    Raises:
        ImageFileError: Two inputs have the same output, or the output folder is within an input.
    """

    def output_path(source: Place | Folder) -> str:
        """Return the path below the output folder."""
        return source.relative if tree else source.name

    once: dict[str, Place | Folder] = {}
    for source in sources:
        once.setdefault(source.key, source)
    plans = {
        source: of_folder(source, to.folder(output_path(source)), naming, globs, to)
        for source in once.values()
        if isinstance(source, Folder)
    }
    for folder in plans:
        _check_folders(folder, to)

    def pairs() -> Iterator[Pair]:
        """Yield the files one by one, and what is below each folder."""
        for source in once.values():
            if isinstance(source, Folder):
                yield from plans[source].pairs()
            elif globs.takes(path := output_path(source)):
                yield source, to.file(naming.output(path))

    _check_apart(pairs)
    if any(_may_meet(source, to) for source in once.values()):
        _check_no_input_is_output(pairs)
    hidden = sum(plan.hidden for plan in plans.values())
    return Plan(pairs, sum(1 for _ in pairs()), hidden)


def _check_folders(source: Folder, to: Folder) -> None:
    """Refuse an output folder that is a file, or whose outputs would be inputs next time."""
    if to.modified() is not None and not to.exists():
        raise ImageFileError(f"{to} is a file; name a folder to write to")
    if source.contains(to):
        raise ImageFileError(f"{to} is inside {source}; name a folder outside it")


def _check_apart(pairs: Callable[[], Iterable[Pair]]) -> None:
    """Refuse pairs of which two have one output, with eight bytes of memory for each."""
    codes, counts = np.unique(
        np.fromiter((hash(_system_name(to)) for _, to in pairs()), np.int64), return_counts=True
    )
    shared = set(codes[counts > 1].tolist())
    sources: dict[str, Place] = {}
    for source, to in pairs() if shared else ():
        name = _system_name(to)
        if name in sources:
            raise ImageFileError(
                f"{sources[name]} and {source} would both become {to}; rename one of them"
            )
        if hash(name) in shared:
            sources[name] = source


def _may_meet(source: Place | Folder, to: Folder) -> bool:
    """Return whether a file below a folder may be an input; stores are not asked for that."""
    if source.is_remote or to.is_remote:
        return source.path.startswith(f"{to.path.rstrip('/')}/")
    return to.exists()


def _check_no_input_is_output(pairs: Callable[[], Iterable[Pair]]) -> None:
    """Refuse a plan that would write over one of its inputs, whatever paths or links lead to it."""
    inputs, outputs = set[int](), set[int]()  # of eight bytes each, not of whole paths
    for source, to in pairs():
        inputs.add(hash(_identity(source)))
        if (known := _identity(to)) is not None:
            outputs.add(hash(known))
    if not inputs & outputs:
        return
    names = {_identity(source): source for source, _ in pairs()}
    for source, to in pairs():
        known = _identity(to)
        if known is not None and known in names:
            raise ImageFileError(
                f"{source} would become {to}, which is the input {names[known]}; "
                "name another folder"
            )


def _identity(place: Place) -> object:
    """Return what is the same for every path to a file; None where there is none."""
    if place.is_remote:
        return place.path
    try:
        status = Path(place.path).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _system_name(place: Place) -> str:
    """Return a text that is the same for paths which the system takes for the same."""
    ignores_case = sys.platform in ("darwin", "win32") and not place.is_remote
    return place.path.casefold() if ignores_case else place.path
