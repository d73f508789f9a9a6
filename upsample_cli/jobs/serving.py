"""What the twin of a process does: it enlarges one picture, whose samples it is sent."""

import os
import pickle
import signal
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

from upsample_cli.errors import UpsampleError
from upsample_cli.jobs import process

if TYPE_CHECKING:
    from upsample_cli.jobs.task import Report
    from upsample_cli.jobs.twin import Order

# What most pictures need: the job, and then where its kernel is.
_NEEDED = ("upsample_cli.jobs.image", "upsample_cli.images.received", "upsample_cli.kernels.store")


def serve(orders: int, answers: int) -> NoReturn:
    """Do what is ordered, answer, and end the process.

    Args:
        orders: The descriptor of a pipe to read; to close it ends the process.
        answers: The descriptor of a pipe to write.
    """
    code = 1
    try:
        for each in (signal.SIGINT, signal.SIGHUP):  # whoever forked it hears them, too
            signal.signal(each, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
        _serve(orders, answers)
        code = 0
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End at once, where there is nothing to undo: libraries take an exit for a fault of theirs."""
    os._exit(process.CODE + number)


def _serve(orders: int, answers: int) -> None:
    answer: Report | Exception
    try:
        for each in _NEEDED:
            import_module(each)
        reader = open(orders, "rb")  # noqa: SIM115 # a thread reads it to the end
        if (order := _ordered(reader)) is None:
            return
        signal.signal(signal.SIGTERM, process.leave)
        answer = _enlarged(order, reader)
    except MemoryError:
        answer = MemoryError()  # to read one of NumPy's would load that
    except (UpsampleError, OSError) as error:  # others are bugs, told here
        answer = error
    with suppress(BrokenPipeError), open(answers, "wb") as writer:  # nobody may wait any more
        pickle.dump(answer, writer)


def _ordered(reader: BinaryIO) -> "Order | None":
    """Return what there is to do; None if that is nothing any more."""
    try:
        return cast("Order", pickle.load(reader))
    except (EOFError, pickle.UnpicklingError):
        return None


def _enlarged(order: "Order", reader: Any) -> "Report":
    from upsample_cli.images.image import Image
    from upsample_cli.images.received import Received
    from upsample_cli.jobs.image import upsample

    progress = None
    if order.is_watched:
        from upsample_cli.jobs.progress import bar

        progress = partial(bar, unit="strip")
    pixels = Received(reader, order.shape, process.unwind_main_thread)
    image = Image(pixels, order.format, order.metadata)
    return upsample(order.source, order.to, order.task, progress, lambda: image)
