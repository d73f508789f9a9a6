"""Which outputs are there already; objects are known by listings, not asked for one by one."""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeAlias

from upsample_cli.images.places import target
from upsample_cli.images.places.target import is_url

_LISTINGS = 8  # folders whose names are kept: one that is walked, and those it lies in


State: TypeAlias = Literal["missing", "older", "there"]
"""What is known of an output; older means than its input."""


def looked_at(
    source: str, to: str, dated: bool, modified: Callable[[str], float | None] = target.modified
) -> State:
    """Return what is known of an output.

    Args:
        source: Where its input is read.
        to: Where it is written.
        dated: Whether it matters that it is older.
        modified: Tells when something was written, and None where there is nothing.
    """
    if (output := modified(to)) is None:
        return "missing"
    before = modified(source) if dated else None
    return "older" if before is not None and output < before else "there"


class Outputs:
    """The outputs of a run, of which each is asked for once."""

    def __init__(self) -> None:
        self._beside = lru_cache(_LISTINGS)(_listed)

    def is_there(self, to: str) -> bool:
        """Tell whether an output is there."""
        return self._modified(to) is not None

    def known(self, source: str, to: str, dated: bool) -> State | None:
        """Return what listings tell; None of files, which who works on them looks at."""
        if is_url(source) or is_url(to):
            return looked_at(source, to, dated, self._modified)
        return None

    def _modified(self, path: str) -> float | None:
        if not is_url(path):
            return target.modified(path)
        folder, _, name = path.rpartition("/")
        return self._beside(folder).get(name)


def _listed(folder: str) -> dict[str, float]:
    from upsample_cli.images.places import store  # few names are URLs

    return {each.name: each.modified for each in store.listed(folder) if not each.is_folder}
