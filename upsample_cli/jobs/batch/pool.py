"""A pool of worker processes on this machine; a thread waits for each call under way.

If a worker dies, the calls of other workers go on. Its own call is tried once more, with no other
worker running, so that it has all the memory; new calls wait meanwhile.
"""

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from queue import LifoQueue
from threading import Lock, Thread
from typing import Any, NoReturn

from upsample_cli import memory, process
from upsample_cli.errors import UpsampleError

_SIGNALS = {signal.SIGINT, *process.END_SIGNALS}
"""The signals that are blocked while a worker starts, as it cannot handle them yet."""


class WorkerDiedError(BrokenExecutor):
    """The worker of a call died; callers of a `Pool` get this after a second worker died, too."""


class WorkerStartError(UpsampleError):
    """The system refuses to start a process."""


class Workforce(Executor):
    """An executor that says how much work to give it.

    Attributes:
        ahead: The most calls to have submitted and not yet finished.
    """

    ahead: int


class Pool(ThreadPoolExecutor, Workforce):
    """Worker processes; the first starts at once, the others when they are needed.

    A call whose worker dies twice fails with `WorkerDiedError`. Work under way is undone if an
    error leaves the pool's `with` block, or if this process is killed.

    Args:
        count: The most processes that run at once.

    Raises:
        WorkerStartError: The system refuses to start a process.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._count, self.ahead = count, 2 * count
        self._is_aborted = False
        self._start_fault: WorkerStartError | None = None
        self._running_alone = Lock()
        with _starting():
            if os.name == "posix":  # before the workers: starting the tracker unblocks signals
                resource_tracker.ensure_running()
            # Workers see the end of the lifeline when this process closes its side, or dies.
            self._lifeline, self._open_end = multiprocessing.Pipe(duplex=False)
        self._free = LifoQueue[_Worker | None]()  # idle workers; None: one may be started
        for _ in range(count - 1):
            self._free.put(None)
        self._free.put(self._new_worker(count))  # it loads its libraries while this process does

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called by a worker; see `Executor.submit`.

        Raises:
            WorkerStartError: The system refuses to start a thread or a process.
        """
        assert not kwargs, "by position only"
        if self._start_fault is not None:  # later calls would fail in the same way
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
        """End the workers at once; their unfinished work is undone."""
        self._is_aborted = True
        self._open_end.close()
        self.shutdown(cancel_futures=True)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Wait until the work is done; after an error, abort it."""
        self.shutdown() if kind is None else self.abort()

    def _new_worker(self, sharing: int) -> "_Worker":
        """Start a worker that may use 1 / `sharing` of the memory."""
        return _Worker(self._lifeline, sharing)

    def _called(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return a call's result from an idle or new worker; if that dies, try once more, alone."""
        with self._running_alone:  # wait for a call that has to run alone
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
        """Return the result of a call by a new worker, while no other worker runs."""
        with self._running_alone:
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
    """A process that answers calls one after the other; see `_serve`."""

    _start_or_end = Lock()  # held for both, as starting a process also polls all others

    def __init__(self, lifeline: Connection, sharing: int) -> None:
        with self._start_or_end, _starting():
            self._calls, worker_end = multiprocessing.Pipe()
            spawned = multiprocessing.get_context("spawn").Process
            budget = memory.limit() // sharing, sharing
            self._process = spawned(target=_serve, args=(worker_end, lifeline, budget))
            self._process.start()
            worker_end.close()

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return the result of a function in the process; raise its error, or `WorkerDiedError`."""
        try:
            self._calls.send((function, arguments))
            result, error = self._calls.recv()
        except (EOFError, OSError):
            raise WorkerDiedError(self.end()) from None
        if error is not None:
            raise error
        return result

    def end(self) -> str:
        """Let the process end, wait for it, and return how it ended: a signal or a status."""
        self._calls.close()
        with self._start_or_end:
            self._process.join()
            code = self._process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"status {code}"


@contextmanager
def _starting() -> Iterator[None]:
    """Block signals while processes start; turn a failed start into a `WorkerStartError`."""
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


def _serve(calls: Connection, lifeline: Connection, budget: tuple[int, int]) -> None:
    """Answer calls until either connection is closed, within a budget as `memory.limit_to` has it.

    The process gets a process group of its own, so that Ctrl-C does not reach it.
    """
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    process.prepare()
    memory.limit_to(*budget)
    os.dup2(2, 1)  # standard output is for results, not for what libraries print
    Thread(target=_end_with_pool, args=(lifeline,), daemon=True).start()
    import_module("upsample_cli.jobs.batch.picture_job")  # before the first call comes
    process.let_signals_unwind()  # until here there was nothing to undo
    # Even if SIGTERM is ignored: `_end_with_pool` sends it.
    signal.signal(signal.SIGTERM, process.raise_for_signal)
    try:
        with suppress(EOFError, OSError):
            while True:
                calls.send(_answer(*calls.recv()))
    except SystemExit:  # unwound by a signal
        os._exit(process.SIGNAL_EXIT_BASE + signal.SIGTERM)


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return the result of a call, or its error with the traceback as a note; the other is None."""
    try:
        return function(*arguments), None
    except Exception as error:  # the main process decides what to do about it
        error.add_note(traceback.format_exc())
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # an error that cannot be pickled is sent as text
            return None, RuntimeError("\n".join([repr(error), *error.__notes__]))
        return None, error


def _end_with_pool(lifeline: Connection) -> NoReturn:
    """Wait until the pool is aborted or its process dies, then unwind the worker's work."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    process.unwind_main_thread()
