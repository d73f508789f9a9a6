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


def of_places(
    sources: Sequence[Place | Folder],
    to: Folder,
    naming: Naming,
    globs: Globs,
    tree: bool = False,
) -> Plan:
    """Return the plan of files that are named, and of what is below folders, sorted, as a tree.

    Args:
        sources: Files and folders; one that is named twice is taken once. Several folders become
            folders in the output, a single one becomes the output itself.
        to: The folder to write; need not be there yet.
        naming: How outputs are called.
        globs: Which files to take.
        tree: Whether relative paths, and URLs below their bucket, keep their folders; what lies
            outside the working folder, and without `tree` everything, goes by its name alone.

    Raises:
        ImageFileError: Two inputs have the same output, an output is an input, or the output folder
            is within an input.
    """
    places = {source.key: source for source in sources}.values()

    def output_path(source: Place | Folder) -> str:
        """Return the path below the output folder."""
        return source.relative if tree else source.name

    def target(source: Folder) -> Folder:
        """Return the folder for what is below another one."""
        return to if len(sources) == 1 and not tree else to.folder(output_path(source))

    def pairs() -> Iterator[Pair]:
        """Yield the files one by one, and what is below each folder."""
        for source in places:
            if isinstance(source, Folder):
                paths = walk(source, globs, apart=to)
                yield from _pairs(source, target(source), naming, paths)
            elif globs.takes(path := output_path(source)):
                yield source, to.file(naming.output(path))

    count = hidden = 0
    for source in places:
        if isinstance(source, Folder):
            _check_folders(source, to)
            _check_folders(source, target(source))
            files, others = _counted(source, target(source), naming, globs, to)
            count, hidden = count + files, hidden + others
        else:
            count += globs.takes(output_path(source))
    if len(places) > 1:
        _check_apart(pairs)
    if any(_may_meet(source, to) for source in places):
        _check_no_input_is_output(pairs)
    return Plan(pairs, count, hidden)


def _pairs(source: Folder, to: Folder, naming: Naming, paths: Iterable[str]) -> Iterator[Pair]:
    """Yield where files below a folder are read and written."""
    return ((source.file(path), to.file(naming.output(path))) for path in paths)


def _counted(
    source: Folder, to: Folder, naming: Naming, globs: Globs, apart: Folder
) -> tuple[int, int]:
    """Return how many files are below a folder, and how many names are hidden.

    Refuse files of one folder that have one output.
    """
    hidden = 0

    def on_listing(listing: Listing) -> None:
        """Look at one folder."""
        nonlocal hidden
        hidden += listing.hidden
        _check_apart(lambda: _pairs(source, to, naming, listing.files))

    try:
        count = sum(1 for _ in walk(source, globs, on_listing, apart))
    except OSError as error:
        raise ImageFileError(
            f"cannot read {source}: {error.strerror}; check its permissions"
        ) from error
    if not count and not source.exists():
        raise ImageFileError(f"no file or folder {source}; check the path")
    return count, hidden


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
