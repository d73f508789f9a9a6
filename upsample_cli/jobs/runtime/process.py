"""What a process of ours sets up before it imports anything large."""

import _thread
import ctypes
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from threading import main_thread
from time import monotonic, sleep
from types import FrameType
from typing import Any, NoReturn

CODE = 128  # and the number of a signal that ends us, as shells have it
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""The signals that end a process; SIGHUP is of a terminal that was closed."""

PATIENCE = 5.0  # seconds for work to be unwound

_PAUSE = 0.1  # seconds from one signal to the next

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_ARENAS = -1, -3, -8  # of mallopt
_HUGE_PAGES = 14  # of madvise
_HEAP, _PAGE = 24 << 20, 1 << 21  # bytes: about what one picture's strips take, and a huge page
_ENVIRONMENT = (
    # One thread a matrix product: threads or processes of our own share the work.
    *("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    # NumPy would set these when it is imported, while a thread decodes: libjpeg asks for variables,
    # and the C library lets nobody ask while another sets (getenv(3), setenv(3)).
    *("OPENBLAS_MAIN_FREE", "GOTOBLAS_MAIN_FREE"),
)


def prepare() -> None:
    """Set the process up; NumPy must not have been imported."""
    gc.set_threshold(100_000)  # imports make many objects and no garbage
    _keep_freed_memory()
    warnings.filterwarnings(
        "ignore", module=r"(PIL|tifffile)\."
    )  # oddities of files that can be read
    for variable in _ENVIRONMENT:
        os.environ.setdefault(variable, "1")


def end_at_once() -> None:
    """Have signals end us without a word, while there is nothing to undo."""
    for each in (signal.SIGINT, *ENDING):
        handle(each, signal.SIG_DFL)


def end_by_unwinding() -> None:
    """Have signals that end us unwind what is done, so that nothing is left half-written."""
    handle(signal.SIGINT, signal.default_int_handler)
    for each in ENDING:
        handle(each, leave)


def leave(number: int, frame: FrameType | None) -> NoReturn:
    """End because of a signal, whose number the exit code tells; others do not disturb that."""
    for each in ENDING:
        handle(each, _stay)
    sys.exit(CODE + number)


def _stay(number: int, frame: FrameType | None) -> None:
    """Wake from what is waited for, and go on."""


def unwind_main_thread() -> NoReturn:
    """Have the main thread leave what it does, and end the process if it does not in time."""
    end = monotonic() + PATIENCE
    while monotonic() < end:
        _wake_main_thread(signal.SIGTERM)
        sleep(_PAUSE)  # one that comes right before it waits does not wake it
    os._exit(1)


def _wake_main_thread(number: signal.Signals) -> None:
    if hasattr(signal, "pthread_kill"):  # wakes it from waiting for a disk too
        signal.pthread_kill(main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(number)


def handle(
    each: signal.Signals, handler: Callable[[int, FrameType | None], None] | signal.Handlers
) -> Any:
    """Handle a signal, but one that is ignored, as under nohup, remains so; return what did."""
    before = signal.getsignal(each)
    return before if before is signal.SIG_IGN else signal.signal(each, handler)


def cores() -> int:
    """Return how many cores are ours."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every platform tells which are
        return os.cpu_count() or 1


def _keep_freed_memory() -> None:
    """Let the allocator keep what is freed, for all threads, in pages of 2 MB.

    Strips come and go, and to be given new pages of 4 kB takes as long as to fill them.

    Source: mallopt(3), madvise(2); where the C library has no such calls, all goes as it would.
    """
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, 1 << 29)
        library.mallopt(_MMAP_THRESHOLD, 2 * _HEAP)
        library.mallopt(_MOST_ARENAS, 1)
        library.malloc.restype = ctypes.c_void_p
        heap = library.malloc(ctypes.c_size_t(_HEAP))
        first = -(-heap // _PAGE) * _PAGE
        size = (heap + _HEAP - first) // _PAGE * _PAGE
        library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(size), _HUGE_PAGES)
        library.free(ctypes.c_void_p(heap))
