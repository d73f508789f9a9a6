"""What a process of ours sets up before it imports anything large."""

import ctypes
import gc
import os
import warnings
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt
_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def prepare() -> None:
    """Set the process up; NumPy must not have been imported."""
    gc.set_threshold(100_000)  # imports make many objects and no garbage
    _keep_freed_memory()
    warnings.filterwarnings(
        "ignore", module=r"(PIL|tifffile)\."
    )  # oddities of files that can be read
    # One thread a matrix product: threads or processes of our own share the work.
    for variable in _THREADS:
        os.environ.setdefault(variable, "1")


def _keep_freed_memory() -> None:
    """Let the allocator keep what is freed: strips come and go, and new pages are dear.

    Source: mallopt(3); other C libraries than glibc have no such call and go without.
    """
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, 1 << 29)
        mallopt(_MMAP_THRESHOLD, 1 << 23)
