"""Threads that share the work on one picture, their caller's among them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Lock
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
        calls = (_begun(self._pool, work, item) for item in items)
        ahead = deque(islice(calls, self._ahead))
        while ahead:
            first = ahead.popleft()
            # Rather than wait, the caller does what nobody has begun.
            while not first.is_done and any(each.make() for each in (first, *ahead)):
                pass
            made = first.result()
            ahead.extend(islice(calls, 1))
            yield made


class _Call(Generic[Item, Made]):
    """Work on one item, done once, by whichever thread comes first.

    Args:
        work: What to do.
        item: With what.
    """

    def __init__(self, work: Callable[[Item], Made], item: Item) -> None:
        self._work, self._item = work, item
        self._claim = Lock()
        self._future: Future[Made] = Future()

    @property
    def is_done(self) -> bool:
        """Whether there is a result, or an error."""
        return self._future.done()

    def make(self) -> bool:
        """Do the work unless another thread does; tell which.

        Raises:
            BaseException: What the work raised; `result` raises it too.
        """
        if not self._claim.acquire(blocking=False):
            return False
        try:
            self._future.set_result(self._work(self._item))
        except BaseException as error:
            self._future.set_exception(error)
            raise
        return True

    def result(self) -> Made:
        """Return what was made, once it is."""
        return self._future.result()


def _begun(
    pool: ThreadPoolExecutor, work: Callable[[Item], Made], item: Item
) -> "_Call[Item, Made]":
    """Return a call that a thread of the pool will come to."""
    call = _Call(work, item)
    pool.submit(call.make)
    return call
