"""The set-up of every process: signals, environment, memory."""

import _thread
import ctypes
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer, main_thread
from time import monotonic, sleep
from types import FrameType
from typing import Any, NoReturn

SIGNAL_EXIT_BASE = 128
"""A process that a signal ended has this plus the signal's number as exit code, as in shells."""

END_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""The signals, besides Ctrl-C, that ask a process to end; a closed terminal sends SIGHUP."""

PATIENCE = 5.0
"""Seconds that work may take to unwind before the process is ended."""

_PAUSE = 0.1  # seconds from one signal to the next

_received: list[signal.Signals] = []  # signals that have begun to unwind the work

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_ARENAS = -1, -3, -8  # options of mallopt
_HUGE_PAGES = 14  # MADV_HUGEPAGE, an advice of madvise
_HEAP, _PAGE = 24 << 20, 1 << 21  # bytes: strips of one picture, about; a huge page
_ENVIRONMENT = (
    # One thread per matrix product: our own threads or processes share the work.
    "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip


def prepare() -> None:
    """Set up the process; call this before NumPy is imported."""
    _occupy_standard_descriptors()
    gc.set_threshold(100_000)  # imports create many objects but no garbage
    _keep_freed_memory()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries warn about oddities in files that they can read
    sys.unraisablehook = _send_again
    for variable in _ENVIRONMENT:
        os.environ.setdefault(variable, "1")


def let_signals_kill() -> None:
    """Let signals end the process silently, while there is nothing to undo."""
    for number in (signal.SIGINT, *END_SIGNALS):
        set_handler(number, signal.SIG_DFL)


def let_signals_unwind() -> None:
    """Let signals unwind the work under way, so that nothing is left half-written."""
    for number in (signal.SIGINT, *END_SIGNALS):
        set_handler(number, raise_for_signal)


def raise_for_signal(number: int, frame: FrameType | None) -> NoReturn:
    """Raise SystemExit with the exit code of a signal, or KeyboardInterrupt for Ctrl-C.

    After SystemExit, only Ctrl-C can interrupt the unwinding.
    """
    _received.append(signal.Signals(number))
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    for other in END_SIGNALS:
        set_handler(other, _do_nothing)
    sys.exit(SIGNAL_EXIT_BASE + number)


@contextmanager
def exiting_on_signal() -> Iterator[None]:
    """Raise a signal's exception again if a library has replaced it by another."""
    try:
        yield
    except Exception:
        if _received:
            raise_for_signal(_received[-1], None)
        raise


def forget_signals() -> None:
    """Forget the signals so far: the work goes on, and later errors are not due to them."""
    _received.clear()


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Do nothing on a signal; unlike an ignored signal, it still interrupts system calls."""


def _send_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Send a signal again if Python ignored its exception, as in a callback of an import."""
    if not (_received and isinstance(ignored.exc_value, SystemExit | KeyboardInterrupt)):
        sys.__unraisablehook__(ignored)
        return
    set_handler(_received[-1], raise_for_signal)
    later = Timer(_PAUSE, _wake_main_thread, _received[-1:])  # when the callback has ended
    later.daemon = True
    later.start()


def unwind_main_thread() -> NoReturn:
    """Signal the main thread to unwind its work; end the process if that takes too long."""
    end = monotonic() + PATIENCE
    while monotonic() < end:
        _wake_main_thread(signal.SIGTERM)
        sleep(_PAUSE)  # a signal that comes right before a system call does not interrupt it
    os._exit(1)


def _wake_main_thread(number: signal.Signals) -> None:
    if hasattr(signal, "pthread_kill"):  # interrupts a system call too
        signal.pthread_kill(main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(number)


def set_handler(
    number: int, handler: Callable[[int, FrameType | None], None] | signal.Handlers
) -> Any:
    """Set a signal's handler, unless the signal is ignored, as under nohup; return the old one."""
    before = signal.getsignal(number)
    return before if before is signal.SIG_IGN else signal.signal(number, handler)


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # some platforms lack it
        return os.cpu_count() or 1


def _occupy_standard_descriptors() -> None:
    """Open the null device for closed standard streams, so that no pipe gets their numbers."""
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:  # the number of standard error
        number = os.dup(number)
    os.close(number)


def _keep_freed_memory() -> None:
    """Let the allocator keep freed memory, for all threads, in pages of 2 MB.

    Strips are allocated and freed all the time; getting new pages of 4 kB takes as long as filling
    them.

    Source: mallopt(3), madvise(2); a C library without these calls is left as it is.
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
