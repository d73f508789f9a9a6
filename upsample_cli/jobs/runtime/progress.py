"""Progress bars for work that takes over a second."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

Item = TypeVar("Item")
_PATIENCE = 1.0  # seconds without a bar


def bar(items: Iterable[Item], total: int, unit: str = "strip") -> Iterator[Item]:
    """Yield the items; show a bar on stderr once they have taken a second."""
    start, progress = perf_counter(), None
    try:
        for done, item in enumerate(items, 1):
            if progress is None and perf_counter() - start > _PATIENCE:
                progress = _bar(total, done, unit)
            elif progress is not None:
                progress.update()
            yield item
    finally:
        if progress is not None:
            progress.close()


def counted(
    pictures: Iterator[Item], total: int, has_failed: Callable[[Item], bool]
) -> Iterator[Item]:
    """Yield the pictures of a folder; show on stderr how many, how fast, and how many failed."""
    from tqdm import tqdm  # slow to import, and most runs show no bar

    failed = 0
    with tqdm(total=total, leave=False, ascii=True, unit="picture") as progress:
        for picture in pictures:
            failed += has_failed(picture)
            progress.set_postfix_str(f"{failed} failed", refresh=False)
            progress.update()
            yield picture


@contextmanager
def cleared() -> Iterator[None]:
    """Clear all bars from the terminal while lines are printed."""
    from tqdm import tqdm  # there already if a bar is

    with tqdm.external_write_mode(file=sys.stderr):
        yield


def _bar(total: int, done: int, unit: str) -> Any:
    from tqdm import tqdm  # slow to import, and quick work needs none

    return tqdm(total=total, initial=done, leave=False, ascii=True, unit=unit)
