"""A bar for work that takes long enough to wonder."""

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Any, TypeVar

Item = TypeVar("Item")
_PATIENCE = 1.0  # seconds without a bar


def bar(items: Iterable[Item], total: int, unit: str = "strip") -> Iterator[Item]:
    """Yield the items, and show a bar on stderr once they have taken a second.

    Args:
        items: What is waited for.
        total: How many there will be.
        unit: What one of them is.
    """
    start, shown = perf_counter(), None
    try:
        for done, item in enumerate(items, 1):
            if shown is None and perf_counter() - start > _PATIENCE:
                shown = _bar(total, done, unit)
            elif shown is not None:
                shown.update()
            yield item
    finally:
        if shown is not None:
            shown.close()


def _bar(total: int, done: int, unit: str) -> Any:
    from tqdm import tqdm  # slow to import, and quick work needs none

    return tqdm(total=total, initial=done, leave=False, ascii=True, unit=unit)
