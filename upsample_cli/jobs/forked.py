"""The fork of a process into two that share the work on one picture; see `twin` and `serving`.

It is the first that the command does, since all before it is waited for by both: this needs little
more than Python itself, and each process sets itself up.

Source: fork(2). Only on Linux: the system's libraries do not survive it on macOS, and Windows has
none.
"""

# What is in `signal`, but for its enumerations: these take longer to load than all else here.
import _signal  # type: ignore[import-not-found]
import os
import sys
from mmap import mmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 1 << 21
"""Pixels of a picture that they share: of a larger one the start is a small part."""

_LONGEST = 1 << 22  # bytes of a file that may hold a picture so small that two are of use
# Options of what is not one picture, or is to be done on one core.
_ALONE = ("-h", "--help", "-j", "--jobs", "--cluster", "--dry-run", "--labels")


def begun(words: "Sequence[str]") -> tuple[int, int, int, mmap] | None:
    """Return a second process's number, where to write to it and read from it, and shared memory.

    None where it is not likely to be of use, or the system has no more. That process ends in here.

    Args:
        words: The command line.
    """
    try:
        if not _pays(words):
            return None
        shared = mmap(-1, 4 * MOST)  # is only taken up as it is used
        orders, answers = os.pipe(), os.pipe()
        _settle_signals()
        number = os.fork()
    except OSError:  # the system has no more, or a file has gone meanwhile
        return None
    if number == 0:
        os.close(orders[1])
        os.close(answers[0])
        _serve(orders[0], answers[1], shared)
    os.close(orders[0])
    os.close(answers[1])
    return number, orders[1], answers[0], shared


def _pays(words: "Sequence[str]") -> bool:
    """Tell whether a command line is likely to be of one picture."""
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) == 1:
        return False
    if any(word.startswith(_ALONE) for word in words):
        return False
    names = [word for word in words if not word.startswith("-")]
    # A URL's folder is none here, and its store is not to be asked by two.
    if not all(os.path.isdir(os.path.dirname(name) or os.curdir) for name in names):
        return False
    if any(os.path.isdir(name) for name in names):
        return False
    return any(os.path.isfile(name) and os.path.getsize(name) < _LONGEST for name in names[:-1])


def _settle_signals() -> None:
    """Have Ctrl-C end either process without a word, and the end of one be told to the other."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # else it is ignored
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)  # where it is ignored, no end is told


def _serve(orders: int, answers: int, shared: mmap) -> None:
    """Set this process up, do what is ordered, and end it."""
    code = 1
    try:
        from upsample_cli.jobs.runtime import process

        process.end_at_once()
        process.prepare()
        from upsample_cli.jobs import serving

        serving.serve(orders, answers, shared)
        code = 0
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)
