"""A bar for work that takes long enough to wonder."""

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Any, TypeVar

Item = TypeVar("Item")
_PATIENCE = 1.0  # seconds without a bar


def bar(items: Iterable[Item], total: int) -> Iterator[Item]:
    """Yield the items, and show a bar on stderr once they have taken a second.

    Args:
        items: What is waited for.
        total: How many there will be.
    """
    start, shown = perf_counter(), None
    try:
        for done, item in enumerate(items, 1):
            if shown is None and perf_counter() - start > _PATIENCE:
                shown = _bar(total, done)
            elif shown is not None:
                shown.update()
            yield item
    finally:
        if shown is not None:
            shown.close()


def _bar(total: int, done: int) -> Any:
    from tqdm import tqdm  # slow to import, and quick work needs none

    return tqdm(total=total, initial=done, leave=False, ascii=True, unit="strip")
