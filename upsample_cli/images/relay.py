"""Rows of a picture through a pipe, from the process that decodes it to the one that enlarges it.

Each run of rows comes after their number, in four bytes; 0 tells that no more will come, since the
picture is broken.
"""

from typing import BinaryIO

BROKEN = 0
_BYTES = 4


def send(pipe: BinaryIO, rows: int, samples: bytes = b"") -> None:
    """Send a run of rows at once.

    Args:
        pipe: Where to.
        rows: How many they are, or BROKEN.
        samples: All of them, of 8 bits.
    """
    pipe.write(rows.to_bytes(_BYTES))
    pipe.write(samples)
    pipe.flush()


def coming(pipe: BinaryIO) -> int | None:
    """Return how many rows come next, or BROKEN; None once the pipe is closed."""
    head = pipe.read(_BYTES)
    return int.from_bytes(head) if len(head) == _BYTES else None
