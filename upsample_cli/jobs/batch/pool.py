"""An executor on processes of this machine that outlives the death of any of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Condition, Lock
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from upsample_cli.jobs.batch.worker import Worker, WorkerDiedError, WorkerLostError

Given = ParamSpec("Given")
Made = TypeVar("Made")


class Pool(Executor):
    """Some worker processes, each with one call under way and one that waits to be next.

    The first is started at once, the others when they are needed. A call whose worker dies has none
    but itself to blame: the others go on. It is tried once more, alone, so that it has all the
    memory, and then fails with `WorkerDiedError`.

    Args:
        count: How many processes at most.
    """

    def __init__(self, count: int) -> None:
        self._workers: list[Worker | None] = [Worker(), *[None] * (count - 1)]
        self._starting = Lock()
        self._free: SimpleQueue[int] = SimpleQueue()
        for place in (*range(count), *range(count)):
            self._free.put(place)
        self._threads = ThreadPoolExecutor(2 * count)
        self._gate = _Gate()
        self._aborted = False

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that have been started."""
        return [worker.pid for worker in self._workers if worker is not None]

    def submit(
        self, function: Callable[Given, Made], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Made]:
        """Have a function called by one of the processes; see `Executor.submit`."""
        assert not kwargs, "by position only"
        return self._threads.submit(self._call, function, args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes once their work is done; see `Executor.shutdown`."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        self._end()

    def abort(self) -> None:
        """End the processes at once; what they work on is undone."""
        with self._starting:
            self._aborted = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._end()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the work, or after an error end it at once."""
        self.shutdown() if kind is None else self.abort()

    def _end(self) -> None:
        workers = [worker for worker in self._workers if worker is not None]
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.ended()

    def _call(self, function: Callable[..., Made], arguments: tuple[Any, ...]) -> Made:
        place = self._free.get()
        try:
            with self._gate.among_others():
                try:
                    return self._tried(place, function, arguments)
                except WorkerDiedError:
                    pass
            with self._gate.alone():
                return self._tried(place, function, arguments)
        finally:
            self._free.put(place)

    def _tried(self, place: int, function: Callable[..., Made], arguments: tuple[Any, ...]) -> Made:
        while True:
            worker = self._worker(place)
            try:
                made: Made = worker.call(function, *arguments)
            except WorkerDiedError:
                self._forget(place, worker)
                raise
            except WorkerLostError:
                self._forget(place, worker)
                continue
            return made

    def _worker(self, place: int) -> Worker:
        with self._starting:
            if self._aborted:
                raise CancelledError
            worker = self._workers[place]
            if worker is None:
                worker = self._workers[place] = Worker()
            return worker

    def _forget(self, place: int, worker: Worker) -> None:
        """Have another worker started in the place of one that is dead."""
        with self._starting:
            if self._workers[place] is worker and not self._aborted:
                self._workers[place] = None


class _Gate:
    """Lets many through at once, or one alone."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0
        self._alone = False

    @contextmanager
    def among_others(self) -> Iterator[None]:
        """Wait until nobody is alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody else is inside, and keep the others out."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._alone = True
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()
