"""What runs in a worker process."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, TypeVar

from upsample_cli import memory
from upsample_cli.jobs.runtime import process

Result = TypeVar("Result")

SIGNALS = {signal.SIGINT, *process.ENDING}
"""The signals that a worker begins with blocked, as it cannot handle them yet."""


def start(lifeline: Connection, share: int) -> None:
    """Prepare a worker process; it belongs to a group of its own, so that Ctrl-C passes it by.

    Args:
        lifeline: Its end says that the pool has ended.
        share: Bytes of memory that the worker may take.
    """
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    process.prepare()
    memory.limit_to(share)
    os.dup2(2, 1)  # standard output is for results, not for what libraries print
    Thread(target=_end_with_pool, args=(lifeline,), daemon=True).start()
    import_module("upsample_cli.jobs.batch.picture_job")  # before the first call comes
    process.let_signals_unwind()  # until here there was nothing to undo
    signal.signal(signal.SIGTERM, process.leave)  # even where this signal is ignored


def _end_with_pool(lifeline: Connection) -> None:
    """Unwind what the worker does once the pool is aborted, or its process has died."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    process.unwind_main_thread()


def run(function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    """Return what a function returns. End the worker where it is unwound by a signal."""
    try:
        return function(*arguments)
    except SystemExit:  # the library would send it as a result, and go on
        os._exit(process.CODE + signal.SIGTERM)
