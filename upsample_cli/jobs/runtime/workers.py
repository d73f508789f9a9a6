"""Threads that share the work on one picture, their caller's among them.

The executor of `concurrent.futures` does the like, but takes as long to import as to enlarge a
small picture, and its caller would be a thread too many.
"""

from collections.abc import Callable, Iterator, Sequence
from threading import Condition, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

from upsample_cli.threads import started

Item = TypeVar("Item")
Made = TypeVar("Made")


class Workers:
    """Some threads, the caller's own among them; leaving the block ends the others.

    Args:
        threads: How many work at once.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lines: list[_Line[object, object]] = []

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
        for line in self._lines:
            line.drop()
            line.join()

    def in_order(self, work: Callable[[Item], Made], items: Sequence[Item]) -> Iterator[Made]:
        """Yield the work on each item, in order, a few items ahead of the caller.

        Args:
            work: What to do with an item, such as a run of rows.
            items: The items.
        """
        if self._threads == 1:
            yield from map(work, items)
            return
        line = _Line(work, items, self._threads + 2)
        self._lines.append(line)  # type: ignore[arg-type] # to be stopped, whatever it makes
        try:
            line.start(self._threads - 1)
            for _ in items:
                yield line.take()
        finally:
            line.drop()  # what is under way may wait for what only the caller's block lets go
        line.join()
        self._lines.remove(line)  # type: ignore[arg-type] # likewise


class _Line(Generic[Item, Made]):
    """Work on items by several threads, one of which takes what is made in order.

    Args:
        work: What to do with an item.
        items: The items.
        ahead: How many items may be begun or done and not taken.
    """

    def __init__(self, work: Callable[[Item], Made], items: Sequence[Item], ahead: int) -> None:
        self._work, self._items, self._ahead = work, items, ahead
        self._begun = self._taken = 0
        self._made: dict[int, Made] = {}
        self._errors: dict[int, BaseException] = {}
        self._news = Condition()
        self._threads: list[Thread] = []

    def start(self, threads: int) -> None:
        """Let some threads, or fewer, do what they can until all is done."""
        for _ in range(threads):
            self._threads.append(Thread(target=self._help, daemon=True))
            if not started(self._threads[-1]):
                break

    def take(self) -> Made:
        """Return the next item's work, or raise its error; rather than wait, work on others."""
        place = self._taken
        while place not in self._made and place not in self._errors:
            if not self._do_one(Exception):
                with self._news:
                    self._news.wait_for(lambda: place in self._made or place in self._errors)
        with self._news:
            self._taken += 1
            self._news.notify_all()
        if place in self._errors:
            raise self._errors.pop(place)
        return self._made.pop(place)

    def drop(self) -> None:
        """Begin nothing more."""
        with self._news:
            self._begun = len(self._items)
            self._news.notify_all()

    def join(self) -> None:
        """Wait for what is under way, and keep nothing of it."""
        for thread in self._threads:
            if thread.is_alive():  # a signal may come before it begins
                thread.join()
        self._made.clear()
        self._errors.clear()  # which hold what failed, through their tracebacks

    def _help(self) -> None:
        while self._begun < len(self._items):
            if not self._do_one(BaseException):
                with self._news:
                    self._news.wait_for(lambda: self._can_begin or self._begun == len(self._items))

    @property
    def _can_begin(self) -> bool:
        return self._begun < min(len(self._items), self._taken + self._ahead)

    def _do_one(self, kept: type[BaseException]) -> bool:
        """Do the first item that nobody has begun; tell whether there was one.

        Args:
            kept: Which errors wait for their turn.
        """
        with self._news:
            if not self._can_begin:
                return False
            place = self._begun
            self._begun += 1
        try:
            self._made[place] = self._work(self._items[place])
        except kept as error:
            self._errors[place] = error
        with self._news:
            self._news.notify_all()
        return True
