"""A second process that loads NumPy and enlarges while this one reads arguments and decodes.

In a process one thread at a time runs Python, and to load NumPy takes longer than to decode a
picture: half of the time of a small one. So a twin is forked before either begins; see `forked`. It
is given the picture row by row, and the report comes back.
"""

import os
import pickle
import signal
import sys
from contextlib import suppress
from mmap import mmap
from typing import TYPE_CHECKING, NoReturn, cast

from upsample_cli.errors import BrokenArrivalError, UpsampleError
from upsample_cli.images import relay
from upsample_cli.images.places.temporary import clean
from upsample_cli.jobs import forked
from upsample_cli.jobs.serving import Order

if TYPE_CHECKING:  # what few runs need is not to be waited for by the others
    from upsample_cli.images.read.arrival import Arrival
    from upsample_cli.images.read.decode import Decoded
    from upsample_cli.jobs.enlarge.task import Report, Task

_RUN = 128  # rows to send at once: the first strip need not wait for more


class Twin:
    """The second process; it does one picture at most.

    Args:
        number: Of the process.
        orders: A pipe that it reads; once that is closed it unwinds what it does, and ends.
        answers: A pipe that it writes.
        shared: Memory that it reads too.

    Attributes:
        MOST: Pixels of a picture.
    """

    MOST = forked.MOST

    def __init__(self, number: int, orders: int, answers: int, shared: mmap) -> None:
        self._number, self._shared = number, shared
        self._orders, self._answers = os.fdopen(orders, "wb"), os.fdopen(answers, "rb")
        self._idle = True
        self._code: int | None = None

    def enlarge(
        self, source: str, to: str, task: "Task", is_watched: bool, decoded: "Decoded"
    ) -> "Report":
        """Return what became of a picture that may still be decoded; see `image.upsample`.

        Args:
            source: What it is called.
            to: Where to write.
            task: What to do.
            is_watched: Whether to show a bar.
            decoded: The picture, which has an arrival.
        """
        arrival = decoded.arrival
        assert arrival is not None
        shape = arrival.picture.height, arrival.picture.width, len(arrival.picture.getbands())
        order = Order(source, to, task, is_watched, shape, decoded.format, decoded.metadata)
        self._idle = False
        try:
            with suppress(BrokenPipeError):  # its answer tells why it reads no more
                self._send(order, arrival)
            answer = pickle.load(self._answers)
        except (EOFError, pickle.UnpicklingError):
            self._fail(to)
        except BaseException:
            self.close()
            raise
        if isinstance(answer, BaseException):
            raise answer
        return cast("Report", answer)

    def dismiss(self) -> None:
        """End the process: at once if it was given nothing to do, else as `close` does."""
        if self._idle and self._code is None:
            os.kill(self._number, signal.SIGKILL)
        self.close()

    def close(self) -> int:
        """Let the process end, once it has unwound what it does; return its exit code."""
        if self._code is None:
            with suppress(OSError):  # what was to be flushed has no reader any more
                self._orders.close()
            self._answers.close()
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._number, 0)[1])
        return self._code

    def _send(self, order: Order, arrival: "Arrival") -> None:
        pickle.dump(order, self._orders)
        height, width, channels = order.shape
        self._orders.flush()
        sent, row = 0, width * channels
        while sent < height:
            try:
                there = min(arrival.wait(sent + 1), sent + _RUN)
            except BrokenArrivalError:
                relay.tell(self._orders, relay.BROKEN)
                break
            samples = arrival.picture.crop((0, sent, width, there)).tobytes()
            self._shared[sent * row : there * row] = samples
            relay.tell(self._orders, there - sent)
            sent = there

    def _fail(self, to: str) -> NoReturn:
        """Tell of a process that has ended without an answer, once what it left is removed."""
        code = self.close()
        clean(os.path.dirname(to) or os.curdir)
        if code < 0:
            raise UpsampleError(
                f"the process that enlarges was ended by {signal.Signals(-code).name}; "
                "allow more memory, or take a smaller picture or --scale"
            )
        sys.exit(code or 1)  # it has told why
