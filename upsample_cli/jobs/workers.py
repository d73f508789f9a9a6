"""Threads that share the work on one picture."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class Workers:
    """Some threads, or with one only the caller's own; leaving the block ends them.

    Args:
        threads: How many work at once.
    """

    def __init__(self, threads: int) -> None:
        self._ahead = threads + 2
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def __enter__(self) -> Self:
        """Return the workers."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for what is under way; what has not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def in_order(self, work: Callable[[Item], Made], items: Sequence[Item]) -> Iterator[Made]:
        """Yield the work on each item, in order, a few items ahead of the caller.

        Args:
            work: What to do with an item, such as a run of rows.
            items: The items.
        """
        if self._pool is None:
            yield from map(work, items)
            return
        left = iter(items)
        pending: deque[Future[Made]] = deque()
        pending.extend(self._pool.submit(work, each) for each in islice(left, self._ahead))
        while pending:
            made = pending.popleft().result()
            pending.extend(self._pool.submit(work, each) for each in islice(left, 1))
            yield made
