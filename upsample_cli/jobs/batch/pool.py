"""Worker processes on this machine, over `concurrent.futures.ProcessPoolExecutor`.

A worker that dies breaks a pool of the library, with all calls that are under way. Here the pool is
made anew, and each of these calls is tried once more, alone, so that it has all the memory.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

from upsample_cli import memory
from upsample_cli.errors import UpsampleError
from upsample_cli.jobs.batch import worker

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_MOST_ON_WINDOWS = 61  # processes that the library can wait for there


class WorkerDiedError(Exception):
    """The worker of a call has ended, and so has the one that was alone with it."""


class WorkerStartError(UpsampleError):
    """The system does not let a process be started."""


class Pool(Executor):
    """Some worker processes. The first is started at once, the others when they are needed.

    A call that ends its worker twice fails with `WorkerDiedError`. What is under way is undone when
    the pool is left by an error, or when this process is killed.

    Args:
        count: How many processes at most.

    Raises:
        WorkerStartError: The system does not let a process be started.
    """

    def __init__(self, count: int) -> None:
        self._count = min(count, _MOST_ON_WINDOWS) if sys.platform == "win32" else count
        # The library calls back with a lock of its own held, which `submit` takes, too. So what is
        # called back must not wait for `_submitting`, under which we submit.
        self._submitting, self._breaking = Lock(), Lock()
        self._is_aborted = False
        self._recovery: Thread | None = None
        self._suspects: list[_Call] = []  # calls that were under way when a worker died
        self._waiting: list[_Call] = []  # calls that came during a recovery
        with _starting():
            # Workers see its end when this side is closed, also by the death of this process.
            self._lifeline, self._open_end = multiprocessing.Pipe(duplex=False)
        self._processes = self._new(self._count)
        self.submit(os.getpid)  # so that a worker loads its libraries while we do

    def submit(
        self,
        function: Callable[Arguments, Result],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Future[Result]:
        """Have a function called by a worker; see `Executor.submit`.

        Raises:
            WorkerStartError: The system does not let a process be started.
        """
        assert not kwargs, "by position only"
        call = _Call(function, args)
        with self._submitting:
            if self._recovery:
                self._waiting.append(call)
            else:
                self._start(call)
        return call

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers once their work is done; see `Executor.shutdown`."""
        processes = None
        while processes is not self._processes:  # a recovery changes it
            processes = self._processes
            processes.shutdown(wait, cancel_futures=cancel_futures)
            if wait and (recovery := self._recovery):
                recovery.join()

    def abort(self) -> None:
        """End the workers at once; what they work on is undone."""
        self._is_aborted = True
        self._open_end.close()
        self.shutdown(cancel_futures=True)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Wait for the work, or after an error end it at once."""
        self.shutdown() if kind is None else self.abort()

    def _new(self, count: int) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        with _starting():
            return ProcessPoolExecutor(
                count, spawn, worker.start, (self._lifeline, memory.limit() // count)
            )

    def _start(self, call: "_Call") -> None:
        """Hand a call to the library."""
        try:
            with _starting():
                call.inner = self._processes.submit(worker.run, call.function, call.arguments)
        except BrokenProcessPool:  # since its last call
            self._waiting.append(call)
            self._recover_later()
        else:
            call.inner.add_done_callback(partial(self._finish, call))

    def _finish(self, call: "_Call", inner: Future[Any]) -> None:
        """Copy the result of a call, or have it tried again."""
        error = None if inner.cancelled() else inner.exception()
        if inner.cancelled() or (error and self._is_aborted):
            Future.cancel(call)
        elif isinstance(error, BrokenProcessPool):
            self._suspects.append(call)
            self._recover_later()
        elif error:
            call.set_exception(error)
        else:
            call.set_result(inner.result())

    def _recover_later(self) -> None:
        with self._breaking:
            if not self._recovery:
                self._recovery = Thread(target=self._recover)
                self._recovery.start()

    def _recover(self) -> None:
        """Try each call of a broken pool again, alone; then go on with a new pool."""
        self._processes.shutdown()
        while True:
            while self._suspects and not self._is_aborted:
                self._try_alone()
            with self._submitting:  # a call that was just submitted may be a suspect, too
                if self._is_aborted or not self._suspects:
                    self._go_on()
                    return

    def _go_on(self) -> None:
        """Hand calls that came during the recovery to a new pool, or cancel all if aborted."""
        calls = [*self._suspects, *(call for call in self._waiting if not call.cancelled())]
        self._recovery, self._suspects, self._waiting = None, [], []
        try:
            self._processes = self._new(self._count)
            for call in calls:
                Future.cancel(call) if self._is_aborted else self._start(call)
        except WorkerStartError as error:
            for call in calls:
                if call.inner is None:
                    call.set_exception(error)

    def _try_alone(self) -> None:
        """Try suspects one by one, in one worker, until none is left or the worker has ended."""
        others, workers = {*multiprocessing.active_children()}, set[BaseProcess]()
        call = self._suspects[0]
        try:
            with self._new(1) as processes:
                while self._suspects and not self._is_aborted:
                    call = self._suspects[0]
                    with _starting():
                        inner = processes.submit(worker.run, call.function, call.arguments)
                    workers |= {*multiprocessing.active_children()} - others
                    self._suspects.pop(0)
                    if isinstance(inner.exception(), BrokenProcessPool):
                        break
                    self._finish(call, inner)
                else:
                    return
        except BrokenProcessPool:  # between two calls
            return
        except WorkerStartError as error:
            self._suspects.pop(0)
            call.set_exception(error)
            return
        reasons = (_how_ended(ended.exitcode) for ended in workers)
        call.set_exception(CancelledError() if self._is_aborted else WorkerDiedError(*reasons))


class _Call(Future[Any]):
    """A call, whose future stays when the one of the library breaks."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        super().__init__()
        self.function, self.arguments = function, arguments
        self.inner: Future[Any] | None = None

    def cancel(self) -> bool:
        """Cancel the call unless it is being worked on."""
        return (self.inner is None or self.inner.cancel()) and super().cancel()


@dataclass(frozen=True, slots=True)
class Workforce:
    """An executor, and how much work to give it.

    Args:
        executor: Works on pictures.
        ahead: How many pictures to submit before one of them has ended.
    """

    executor: Executor
    ahead: int


@contextmanager
def open_pool(count: int) -> Iterator[Workforce]:
    """Give a pool of processes; an error in the block ends them at once."""
    with Pool(count) as pool:
        yield Workforce(pool, 2 * count)


@contextmanager
def _starting() -> Iterator[None]:
    """Block signals, so that processes begin with them blocked; report what cannot be started."""
    has_masks = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, worker.SIGNALS) if has_masks else None
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "start new thread" not in str(error):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise WorkerStartError(
            f"cannot start a worker process: {reason}; pass fewer --jobs, or mend that"
        ) from error
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _how_ended(code: int | None) -> str:
    return signal.Signals(-code).name if code is not None and code < 0 else f"status {code}"
