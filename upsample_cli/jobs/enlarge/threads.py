"""Threads that share the work on one picture."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(AbstractContextManager["Workers"]):
    """Threads that work on the strips of a picture; leaving the context manager ends them.

    Args:
        threads: How many strips are computed at once.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads)  # starts threads only when there is work

    def __exit__(self, *error: object) -> None:
        """Wait for work in progress, and drop work that has not begun."""
        self._executor.shutdown(cancel_futures=True)

    def in_order(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the result for each item, in order, computed a few items ahead of the caller.

        If the system cannot start a thread, or only one is wanted, the caller's thread does the
        work.

        Args:
            work: Returns the result for an item.
            items: The items, such as runs of rows.
        """
        if self._threads == 1:
            yield from map(work, items)
            return

        def begin(item: Item) -> Callable[[], Result]:
            """Have a thread work on an item; if none can start, the caller of the result does."""
            try:
                return self._executor.submit(work, item).result
            except RuntimeError:  # the system has no more threads
                return partial(work, item)

        for _, result in in_turn(begin, items, self._threads + 2):
            yield result()


def in_turn(
    begin: Callable[[Item], Callable[[], Result]], items: Iterable[Item], ahead: int
) -> Iterator[tuple[Item, Callable[[], Result]]]:
    """Yield each item with the function that `begin` returns, which waits for the item's result.

    Work on up to `ahead` items begins before they are yielded.
    """
    waiting: deque[tuple[Item, Callable[[], Result]]] = deque()
    for item in items:
        if len(waiting) >= ahead:
            yield waiting.popleft()
        waiting.append((item, begin(item)))
    while waiting:
        yield waiting.popleft()
