"""The memory budget of this process, checked before large amounts of memory are taken."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate
from typing import BinaryIO

from upsample_cli.errors import PictureTooLargeError, SettingError, UpsampleError

VARIABLE = "UPSAMPLE_MAX_MEMORY"
"""The environment variable that sets the budget where --max-memory does not."""

_PROGRAM = 96 << 20  # bytes that Python and the libraries take
_LEAST_SPACE = 192 << 20  # bytes of address space: Python, NumPy with OpenBLAS, a small picture
_SHARE = 384 << 20  # least bytes of each process: enough for photographs of 12 megapixels
_UNKNOWN = 8 << 30  # bytes to assume for a machine that does not report its memory
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}  # powers of 2
_ROOT = "/"  # folder of the system's files
_PART = 1 << 20  # bytes to read at once
_limit: int | None = None
_sharing = 1  # processes that share the memory


def limit() -> int:
    """Return the budget in bytes.

    By default it is half of the machine's memory, and at most the address space.
    """
    return _default() if (size := chosen()) is None else size


def chosen() -> int | None:
    """Return the budget in bytes if the user has set it, else None."""
    given = os.environ.get(VARIABLE)
    return size_of(given, VARIABLE) if _limit is None and given else _limit


@lru_cache(1)
def _default() -> int:
    return min(_machine() // 2, _address_space())


def limit_to(size: int | None, sharing: int = 1) -> None:
    """Set the budget of this process, one of `sharing`, in bytes; None restores the default."""
    global _limit, _sharing  # one budget for the process
    _limit, _sharing = size, sharing
    _default.cache_clear()


def size_of(text: str, setting: str = "--max-memory") -> int:
    """Return the size in bytes that a text such as 512MB or 1.5G names; units are powers of 1024.

    Args:
        text: A number, with or without a unit.
        setting: The option or variable that the text comes from, for the error.

    Raises:
        SettingError: The text is not a size above 0, or a number below a megabyte without a unit.

    >>> size_of("1.5K"), size_of("2 GiB")
    (1536, 2147483648)
    """
    match = re.fullmatch(r"(\d+\.?\d*) ?([KMGT]?)(?:I?B)?", text.strip().upper())
    if match is None or not float(match[1]):
        raise SettingError(f"invalid {setting} '{text}'; use a size such as 512MB or 4GB")
    size = int(float(match[1]) * 2 ** _UNITS[match[2]])
    if size < 1 << 20 and match[1] == text.strip():
        raise SettingError(
            f"{setting} {match[1]} is only {size} bytes; write {match[1]}MB or {match[1]}GB"
        )
    return size


def shares(most: int) -> int:
    """Return how many processes may share the budget: from 1 to `most`."""
    return max(1, min(most, limit() // _SHARE))


def check(size: float, what: str, threads: int = 1) -> None:
    """Refuse to take memory beyond the budget.

    Args:
        size: Bytes to take, in addition to the program itself.
        what: What needs them, for the error.
        threads: How many threads `size` is for.

    Raises:
        PictureTooLargeError: `size` and the program together exceed the budget.
    """
    if size + _PROGRAM > limit():
        fewer = ", or pass fewer --jobs" if max(threads, _sharing) > 1 else ""
        raise PictureTooLargeError(
            f"{what} needs {_in_words(size + _PROGRAM)} of memory, but only {_in_words(limit())} "
            f"may be used; raise --max-memory{fewer}"
        )


def peak() -> int:
    """Return the most bytes of memory that this process has had; 0 where that is unknown."""
    # pathlib is slow to import
    with suppress(OSError), open("/proc/self/status") as file:  # noqa: PTH123 # as above
        return sum(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM:"))
    try:
        import resource
    except ImportError:  # on Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def check_address_space() -> None:
    """Refuse an address space that is too small: some libraries would hang in it.

    Raises:
        UpsampleError: The system allows this process too little address space.
    """
    if (space := _address_space()) < _LEAST_SPACE:
        raise UpsampleError(
            f"this process may have {_in_words(space)} of address space, and the libraries need "
            f"{_in_words(_LEAST_SPACE)}; raise the limit (ulimit -v)"
        )


def read_all(file: BinaryIO, what: str) -> bytearray:
    """Return all bytes of a file whose size is unknown until it ends, such as a pipe.

    Raises:
        PictureTooLargeError: The bytes exceed the budget.
    """
    data = bytearray()
    while part := file.read(_PART):
        data += part
        check(2 * len(data), what)  # growing the array copies it
    return data


def _address_space() -> int:
    """Return how many bytes of address space the system allows this process."""
    try:
        import resource
    except ImportError:  # on Windows
        return sys.maxsize
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _machine() -> int:
    """Return the memory of this machine in bytes, or less if a container or a job may have less."""
    sizes = [_UNKNOWN]
    with suppress(AttributeError, ValueError, OSError):  # not on Windows
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _limit_files():
        # pathlib is slow to import
        with suppress(OSError, ValueError), open(path) as file:  # noqa: PTH123 # as above
            sizes.append(int(file.read()))
    return min(sizes)


def _limit_files() -> Iterator[str]:
    """Yield the files that may limit the memory of this process's control group and its parents.

    Source: cgroups(7), "/proc files"; versions 1 and 2 may be in use at once.
    """
    with suppress(OSError), open(f"{_ROOT}proc/self/cgroup") as file:  # noqa: PTH123 # as above
        for line in file:
            _, controllers, group = line.rstrip("\n").split(":", 2)
            if not controllers:
                folder, name = "", "memory.max"
            elif "memory" in controllers.split(","):
                folder, name = "/memory", "memory.limit_in_bytes"
            else:
                continue
            for parent in accumulate(group.split("/"), "{}/{}".format):
                yield f"{_ROOT}sys/fs/cgroup{folder}{parent}/{name}"


def _in_words(size: float) -> str:
    """Return a number of bytes as text, in GB or MB.

    >>> _in_words(3 << 29), _in_words(5 << 20)
    ('1.5 GB', '5 MB')
    """
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{size / 2**20:.0f} MB"
