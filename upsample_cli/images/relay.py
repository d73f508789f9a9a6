"""Rows of a picture on their way from the process that decodes it to the one that enlarges it.

The samples lie in memory that both share, one row after another from the top; a pipe tells how many
more rows are there, in four bytes. 0 tells that no more will come, since the picture is broken.
"""

from typing import BinaryIO

BROKEN = 0
_BYTES = 4


def tell(pipe: BinaryIO, rows: int) -> None:
    """Tell that more rows are there.

    Args:
        pipe: Where to.
        rows: How many, or BROKEN.
    """
    pipe.write(rows.to_bytes(_BYTES))
    pipe.flush()


def told(pipe: BinaryIO) -> int | None:
    """Return how many more rows are there, or BROKEN; None once the pipe is closed."""
    head = pipe.read(_BYTES)
    return int.from_bytes(head) if len(head) == _BYTES else None
