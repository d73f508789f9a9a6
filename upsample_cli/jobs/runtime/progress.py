"""Bars for work that takes long enough to wonder."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from upsample_cli.jobs.batch.run import Ended

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


def pictures(ended: Iterator["Ended"], total: int) -> Iterator["Ended"]:
    """Yield the pictures of a folder, and show on stderr how many, how fast, and what failed.

    Args:
        ended: The pictures as they end.
        total: How many there will be.
    """
    from tqdm import tqdm  # slow to import, and most runs show no bar

    failed = 0
    with tqdm(total=total, leave=False, ascii=True, unit="picture") as shown:
        for each in ended:
            failed += each.report.status == "failed"
            shown.set_postfix_str(f"{failed} failed", refresh=False)
            shown.update()
            yield each


@contextmanager
def aside() -> Iterator[None]:
    """Take all bars off the terminal while lines are printed."""
    from tqdm import tqdm  # there already if a bar is

    with tqdm.external_write_mode(file=sys.stderr):
        yield


def _bar(total: int, done: int, unit: str) -> Any:
    from tqdm import tqdm  # slow to import, and quick work needs none

    return tqdm(total=total, initial=done, leave=False, ascii=True, unit=unit)
