"""A worker process: calls come by a pipe, results go back by another.

The worker ends when its pipe is closed, even by the death of who wrote to it: at once when it
waits, and when it works by unwinding what it does, so that no half of it is left.
"""

import os
import pickle
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from typing import Any, BinaryIO

from upsample_cli.errors import UpsampleError
from upsample_cli.jobs.runtime import process

_SIGNALS = {-int(each): each.name for each in signal.Signals}
_PROGRAM = "import sys; sys.path = {!r}; from upsample_cli.jobs.batch.worker import main; main()"


class WorkerDiedError(Exception):
    """The process has ended while it worked on the call."""


class WorkerLostError(Exception):
    """The process has ended before it began with the call."""


class WorkerStartError(UpsampleError):
    """The system does not let a process be started."""


class Worker:
    """A process of this Python that works on one call at a time and may have others waiting.

    Its start is not waited for. It is in a process group of its own, so that Ctrl-C in a terminal
    reaches only who started it.

    Raises:
        WorkerStartError: The system does not let it be started.
    """

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                # What is imported here is imported there, and nothing from the working folder.
                [sys.executable, "-P", "-c", _PROGRAM.format(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                process_group=0,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise WorkerStartError(
                f"cannot start a worker process: {error.strerror}; pass fewer --jobs, or mend that"
            ) from error
        assert self._process.stdin is not None  # pipes, as asked for
        assert self._process.stdout is not None
        self._calls, self._results = self._process.stdin, self._process.stdout
        self._sending = Lock()
        self._turn = Condition()
        self._sent = self._received = 0
        self._dead = False

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def call(self, function: Any, *arguments: Any) -> Any:
        """Return what a function returns there, or raise what it raises; threads may call at once.

        Args:
            function: One that can be pickled, as its arguments and its result.
            *arguments: What to call it with.

        Raises:
            WorkerDiedError: The process ended while it worked on this.
            WorkerLostError: It ended before.
        """
        data = pickle.dumps((function, arguments))
        with self._sending:
            place, self._sent = self._sent, self._sent + 1
            with suppress(OSError, ValueError):  # it has ended: nothing will come back either
                self._calls.write(data)
                self._calls.flush()
        with self._turn:
            self._turn.wait_for(lambda: self._received == place)
        try:
            if self._dead:
                raise WorkerLostError
            fine, made = self._result()
        finally:
            with self._turn:
                self._received += 1
                self._turn.notify_all()
        if fine:
            return made
        raise made

    def _result(self) -> tuple[bool, Any]:
        try:
            fine, made = pickle.load(self._results)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            self._dead = True
            self.stop()
            status = self.ended()
            raise WorkerDiedError(_SIGNALS.get(status, f"status {status}")) from error
        return fine, made

    def stop(self) -> None:
        """Make the process end, whatever it does, and do not wait for it."""
        with suppress(OSError):  # what was to be flushed has no reader any more
            self._calls.close()

    def ended(self) -> int:
        """Wait for the process after it was stopped, kill it if it does not end; return how."""
        try:
            self._process.wait(2 * process.PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._results.close()
        return self._process.returncode


def main() -> None:
    """Work on the calls that come by standard input, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.prepare()
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # words that a library prints are no results
    calls: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_read, args=(sys.stdin.buffer, calls), daemon=True).start()
    try:
        import_module(
            "upsample_cli.jobs.batch.picture_job"
        )  # while the first call is still to come
        process.end_by_unwinding()  # there is nothing to undo before
        signal.signal(signal.SIGTERM, process.leave)  # of ours: heard also where it is ignored
        while (call := calls.get()) is not None:
            pickle.dump(_called(*call), results)
            results.flush()
    except (SystemExit, OSError):  # nobody waits for a result any more
        pass
    os._exit(0)


def _called(function: Any, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, function(*arguments)
    except UpsampleError as error:
        return False, error
    except Exception as error:  # raised again where the call came from, where this would be lost
        traceback.print_exc()
        return False, error


def _read(pipe: BinaryIO, calls: "SimpleQueue[Any]") -> None:
    """Hand calls on; when the pipe is closed, end the process."""
    try:
        while True:
            calls.put(pickle.load(pipe))
    except (EOFError, OSError, pickle.UnpicklingError):
        calls.put(None)
        process.unwind_main_thread()
