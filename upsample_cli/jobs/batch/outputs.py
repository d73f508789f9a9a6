"""Which outputs are there already; objects are known by listings, not asked for one by one."""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeAlias

from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place

_LISTINGS = 8  # folders whose names are kept: one that is walked, and those it lies in

State: TypeAlias = Literal["missing", "older", "there"]
"""What is known of an output; older means than its input."""


def state_of(
    source: Place,
    to: Place,
    dated: bool,
    modified: Callable[[Place], float | None] = lambda place: place.modified(),
) -> State:
    """Return what is known of an output.

    Args:
        source: Its input.
        to: The output.
        dated: Whether it matters that it is older than the input.
        modified: Returns when something was written, and None where there is nothing.
    """
    if (output := modified(to)) is None:
        return "missing"
    before = modified(source) if dated else None
    return "older" if before is not None and output < before else "there"


class Outputs:
    """The outputs of a run, each of which is asked for once."""

    def __init__(self) -> None:
        self._times_in = lru_cache(_LISTINGS)(_times_in)

    def is_there(self, to: Place) -> bool:
        """Tell whether an output is there."""
        return self._modified(to) is not None

    def state(self, source: Place, to: Place, dated: bool) -> State | None:
        """Return what listings tell; None for files, which the worker looks at."""
        if source.is_remote or to.is_remote:
            return state_of(source, to, dated, self._modified)
        return None

    def _modified(self, place: Place) -> float | None:
        return self._times_in(place.folder).get(place.name) if place.is_remote else place.modified()


def _times_in(folder: Folder) -> dict[str, float]:
    return {entry.name: entry.modified for entry in folder.entries() if not entry.is_folder}
