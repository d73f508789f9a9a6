"""Worker processes on this machine; each works on one call at a time, which a thread waits for.

A worker that dies disturbs no call that is under way. Its own is tried once more, alone, so that it
has all the memory; calls that come meanwhile wait.
"""

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from queue import LifoQueue
from threading import Lock, Thread
from typing import Any, NoReturn

from upsample_cli import memory, process
from upsample_cli.errors import UpsampleError

_SIGNALS = {signal.SIGINT, *process.ENDING}
"""The signals that a worker begins with blocked, as it cannot handle them yet."""


class WorkerDiedError(BrokenExecutor):
    """The worker of a call has ended, and so has the one that was alone with it."""


class WorkerStartError(UpsampleError):
    """The system does not let a process be started."""


class Pool(ThreadPoolExecutor):
    """Some worker processes. The first is started at once, the others when they are needed.

    A call that ends its worker twice fails with `WorkerDiedError`. What is under way is undone when
    the pool is left by an error, or when this process is killed.

    Args:
        count: How many processes at most.

    Raises:
        WorkerStartError: The system does not let a process be started.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._count = count
        self._is_aborted = False
        self._start_fault: WorkerStartError | None = None
        self._one_is_alone = Lock()
        with _starting():
            if os.name == "posix":  # here, as it lets signals through once it has begun
                resource_tracker.ensure_running()
            # Workers see its end when this side is closed, also by the death of this process.
            self._lifeline, self._open_end = multiprocessing.Pipe(duplex=False)
        self._free = LifoQueue[_Worker | None]()  # workers, and places for more of them
        for _ in range(count - 1):
            self._free.put(None)
        self._free.put(self._new_worker(count))  # it loads its libraries while we do

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called by a worker; see `Executor.submit`.

        Raises:
            WorkerStartError: The system does not let a thread or a process be started.
        """
        assert not kwargs, "by position only"
        if self._start_fault is not None:  # else all calls to come would fail alike
            raise self._start_fault
        with _starting():
            return super().submit(self._called, function, args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers once their work is done; see `Executor.shutdown`."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        while wait and not self._free.empty():
            if worker := self._free.get():
                worker.end()

    def abort(self) -> None:
        """End the workers at once; what they work on is undone."""
        self._is_aborted = True
        self._open_end.close()
        self.shutdown(cancel_futures=True)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Wait for the work, or after an error end it at once."""
        self.shutdown() if kind is None else self.abort()

    def _new_worker(self, sharing: int) -> "_Worker":
        """Start one of so many workers that share the memory."""
        return _Worker(self._lifeline, memory.limit() // sharing)

    def _called(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return what a free worker returns for a call."""
        with self._one_is_alone:  # whoever is to be alone goes first
            worker = self._free.get()
        try:
            worker = worker or self._new_worker(self._count)
            return worker.call(function, arguments)
        except WorkerStartError as error:
            self._start_fault = error
            raise
        except WorkerDiedError:
            worker = None
        finally:
            self._free.put(worker)
        return self._called_alone(function, arguments)

    def _called_alone(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return what a new worker returns for a call, while there is no other one."""
        with self._one_is_alone:
            for _ in range(self._count):
                if other := self._free.get():
                    other.end()
            try:
                if self._is_aborted:
                    raise CancelledError
                worker = self._new_worker(1)
                try:
                    return worker.call(function, arguments)
                finally:
                    worker.end()
            finally:
                for _ in range(self._count):
                    self._free.put(None)


class _Worker:
    """A process that waits for calls, one after the other; see `_serve`."""

    _starts_or_ends = Lock()  # for Python looks after all processes when one starts

    def __init__(self, lifeline: Connection, share: int) -> None:
        with self._starts_or_ends, _starting():
            self._calls, theirs = multiprocessing.Pipe()
            start = multiprocessing.get_context("spawn").Process
            self._process = start(target=_serve, args=(theirs, lifeline, share))
            self._process.start()
            theirs.close()

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return what a function returns there, or raise its error, or a `WorkerDiedError`."""
        try:
            self._calls.send((function, arguments))
            result, error = self._calls.recv()
        except (EOFError, OSError):
            raise WorkerDiedError(self.end()) from None
        if error is not None:
            raise error
        return result

    def end(self) -> str:
        """Wait for the end of the process, which has no call; return how it ended."""
        self._calls.close()
        with self._starts_or_ends:
            self._process.join()
            code = self._process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"status {code}"


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
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS) if has_masks else None
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "start new thread" not in str(error):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise WorkerStartError(
            f"cannot start a worker process: {reason}; pass fewer --jobs"
        ) from error
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(calls: Connection, lifeline: Connection, share: int) -> None:
    """Answer calls until the lifeline ends, with a share of the memory in bytes.

    The process is in a group of its own, so that Ctrl-C passes it by.
    """
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    process.prepare()
    memory.limit_to(share)
    os.dup2(2, 1)  # standard output is for results, not for what libraries print
    Thread(target=_end_with_pool, args=(lifeline,), daemon=True).start()
    import_module("upsample_cli.jobs.batch.picture_job")  # before the first call comes
    process.let_signals_unwind()  # until here there was nothing to undo
    signal.signal(signal.SIGTERM, process.leave)  # even where this signal is ignored
    try:
        with suppress(EOFError, OSError):
            while True:
                calls.send(_answer(*calls.recv()))
    except SystemExit:  # unwound by a signal
        os._exit(process.CODE + signal.SIGTERM)


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return the result of a call, or its error, with the lines of code that led to it."""
    try:
        return function(*arguments), None
    except Exception as error:  # whoever waits for the result knows what to do about it
        error.add_note(traceback.format_exc())
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # an error that cannot travel is told by its words
            return None, RuntimeError("\n".join([repr(error), *error.__notes__]))
        return None, error


def _end_with_pool(lifeline: Connection) -> NoReturn:
    """Unwind what the worker does once the pool is aborted, or its process has died."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    process.unwind_main_thread()
