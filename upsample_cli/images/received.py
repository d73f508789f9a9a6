"""The samples of a picture that another process decodes; see `relay`."""

from collections.abc import Callable
from math import prod
from mmap import mmap
from threading import Thread
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import BrokenArrivalError, ImageFileError
from upsample_cli.images import relay
from upsample_cli.images.pixels import Pixels
from upsample_cli.images.read.coming import Coming
from upsample_cli.threads import started


class Received(Pixels):
    """Samples of 8 bits in shared memory, as a pipe tells of them; a thread reads that to its end.

    Args:
        pipe: What tells of them.
        shared: Where they are.
        shape: Height, width and channels.
        closed: Is called on that thread when the pipe is closed.

    Raises:
        MemoryError: The system has no such thread.
    """

    def __init__(
        self, pipe: BinaryIO, shared: mmap, shape: tuple[int, int, int], closed: Callable[[], None]
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(np.uint8)
        self._samples = np.frombuffer(shared, np.uint8, prod(shape)).reshape(shape)
        self._coming = Coming()
        if not started(Thread(target=self._receive, args=(pipe, closed), daemon=True)):
            raise MemoryError  # a thread's stack is, as a rule, what is lacking

    def __getitem__(self, window: tuple[slice, slice]) -> NDArray[np.uint8]:
        """Return a window once it has come."""
        self._coming.wait(window[0].stop)
        return self._samples[window]

    def give_up(self) -> None:
        """Let nobody wait any longer for what has not come."""
        self._coming.fail(ImageFileError("the picture is not wanted any more"))

    def _receive(self, pipe: BinaryIO, closed: Callable[[], None]) -> None:
        while (rows := relay.told(pipe)) is not None:
            if rows == relay.BROKEN:
                self._coming.fail(BrokenArrivalError("the picture is broken"))
            self._coming.tell(self._coming.rows + rows)
        closed()
