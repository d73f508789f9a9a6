"""What a `twin` does: it enlarges one picture, whose samples it is sent."""

import os
import pickle
import signal
from contextlib import suppress
from functools import partial
from importlib import import_module
from mmap import mmap
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, NoReturn, cast

from upsample_cli.errors import UpsampleError
from upsample_cli.jobs import lazy
from upsample_cli.jobs.runtime import process

if TYPE_CHECKING:
    from upsample_cli.images.metadata.metadata import Metadata
    from upsample_cli.jobs.enlarge.task import Report, Task

# What most pictures need: the job, and then where its kernel is.
_NEEDED = (
    "upsample_cli.jobs.enlarge.picture",
    "upsample_cli.images.received",
    "upsample_cli.kernels.store",
)
# What NumPy imports, and only what reads arguments looks into.
_SELDOM_USED = ("platform",)


class Order(NamedTuple):
    """A picture to enlarge, but for its samples; see `relay`.

    Args:
        source: What it is called.
        to: Where to write.
        task: What to do.
        is_watched: Whether to show a bar.
        shape: Height, width and channels.
        format: The word for the file's format, such as "PNG".
        metadata: What the file says beside its pixels.
    """

    source: str
    to: str
    task: "Task"
    is_watched: bool
    shape: tuple[int, int, int]
    format: str
    metadata: "Metadata"


def serve(orders: int, answers: int, shared: mmap) -> None:
    """Do what is ordered, and answer.

    Args:
        orders: The descriptor of a pipe to read; to close it ends what is done.
        answers: The descriptor of a pipe to write.
        shared: Where the samples will be.

    Raises:
        SystemExit: A signal, or that the pipe was closed, has ended it.
    """
    for each in (signal.SIGINT, signal.SIGHUP):  # whoever forked this process hears them, too
        signal.signal(each, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    lazy.imports(_SELDOM_USED)
    answer: Report | Exception
    try:
        for name in _NEEDED:
            import_module(name)
        reader = open(orders, "rb")  # noqa: SIM115 # a thread reads it to the end
        if (order := _ordered(reader)) is None:
            return
        signal.signal(signal.SIGTERM, process.leave)
        answer = _enlarged(order, reader, shared)
    except MemoryError:
        answer = MemoryError()  # to read one of NumPy's would load that
    except (UpsampleError, OSError) as error:  # others are bugs, told here
        answer = error
    with suppress(BrokenPipeError), open(answers, "wb") as writer:  # nobody may wait any more
        pickle.dump(answer, writer)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End at once, where there is nothing to undo: libraries take an exit for a fault of theirs."""
    os._exit(process.CODE + number)


def _ordered(reader: BinaryIO) -> Order | None:
    """Return what there is to do; None if that is nothing any more."""
    try:
        return cast(Order, pickle.load(reader))
    except (EOFError, pickle.UnpicklingError):
        return None


def _enlarged(order: Order, reader: BinaryIO, shared: mmap) -> "Report":
    from upsample_cli.images.image import Image
    from upsample_cli.images.received import Received
    from upsample_cli.jobs.enlarge.picture import upsample

    progress = None
    if order.is_watched:
        from upsample_cli.jobs.runtime.progress import bar

        progress = partial(bar, unit="strip")
    pixels = Received(reader, shared, order.shape, process.unwind_main_thread)
    image = Image(pixels, order.format, order.metadata)
    return upsample(order.source, order.to, order.task, progress, lambda: image)
