"""Threads that share the work on one picture, their caller's among them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class Workers:
    """Some threads, the caller's own among them; leaving the block ends the others.

    Args:
        threads: How many work at once.
    """

    def __init__(self, threads: int) -> None:
        self._ahead = threads + 2
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

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
        shares = (_Share(self._pool.submit(work, item), item) for item in items)
        ahead = deque(islice(shares, self._ahead))
        try:
            while ahead:
                # Rather than wait, the caller does what nobody has begun.
                while not ahead[0].future.done() and _take_over(ahead, work):
                    pass
                made = ahead.popleft().future.result()
                ahead.extend(islice(shares, 1))
                yield made
        finally:
            ahead.clear()  # errors in it would hold it, through their tracebacks


class _Share(Generic[Item, Made]):
    """Work on one item, and what it is worked on.

    Args:
        future: Of the pool, or of the caller once it has taken over.
        item: What to work on.
    """

    def __init__(self, future: Future[Made], item: Item) -> None:
        self.future, self.item = future, item


def _take_over(shares: Iterable["_Share[Item, Made]"], work: Callable[[Item], Made]) -> bool:
    """Do the first share that nobody has begun; tell whether there was one.

    An error is kept for its turn, as those of threads are.
    """
    for share in shares:
        if share.future.cancel():
            share.future = Future()
            try:
                made = work(share.item)
            except Exception as error:
                share.future.set_exception(error)
                del share  # likewise
            else:
                share.future.set_result(made)
            return True
    return False
