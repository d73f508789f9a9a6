"""Runs a batch on an executor: in bounded memory, and with a report on every picture."""

import signal
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, NamedTuple, Self

from upsample_cli.errors import UpsampleError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.batch.outputs import Outputs
from upsample_cli.jobs.batch.picture_job import PictureJob
from upsample_cli.jobs.batch.plan import Pair, Plan
from upsample_cli.jobs.batch.pool import Workforce
from upsample_cli.jobs.enlarge.task import Report
from upsample_cli.process import END_SIGNALS, SIGNAL_EXIT_BASE, raise_for_signal, set_handler

EXISTS = "exists; pass --skip-existing to continue an earlier run, or --force to replace it"
"""The end of the error of a picture whose output exists."""
_WINDOW = 1000  # most pictures from the oldest under way to the newest
_INTERVAL = 0.2  # seconds between checks whether to stop


class FinishedPicture(NamedTuple):
    """A picture that is done, skipped or failed.

    Args:
        number: Its number in the plan, from 0.
        report: What became of it.
    """

    number: int
    report: Report


def run(
    plan: Plan,
    job: PictureJob,
    workforce: Workforce,
    is_stopped: Callable[[], bool],
    is_ours: Callable[[Place], bool] = lambda _: False,
) -> Generator[FinishedPicture, None, None]:
    """Yield each picture as it finishes; one that fails does not stop the others.

    Args:
        plan: The pictures and their outputs.
        job: What to do with each.
        workforce: Runs the job; its executor is not shut down.
        is_stopped: Returns whether to start no more pictures; those that have started are finished.
        is_ours: Returns whether an earlier run wrote an output.
    """
    finished: SimpleQueue[tuple[int, Future[Report]]] = SimpleQueue()
    under_way: dict[int, tuple[Pair, Future[Report]]] = {}
    pairs, outputs, has_more = enumerate(plan.pairs()), Outputs(), True
    cleaned: set[Folder] = set()
    while has_more or under_way:
        while has_more and not is_stopped() and _has_room(under_way, workforce.ahead):
            number, pair = next(pairs, (-1, None))
            if pair is None:
                has_more = False
            elif job.existing == "refuse" and outputs.is_there(pair[1]):
                fault = f"{pair[1]} {EXISTS}"
                yield FinishedPicture(number, job.failed(*pair, fault))
            else:
                _clean_once(pair[1].folder, cleaned)
                state = outputs.state(*pair, job.existing)
                future = workforce.executor.submit(job, *pair, state, is_ours(pair[1]))
                under_way[number] = pair, future
                future.add_done_callback(partial(_put, finished, number))
        if is_stopped():
            has_more = False
            for _, future in under_way.values():
                future.cancel()  # has no effect on one that has started
        if not under_way:
            continue
        with suppress(Empty):
            number, future = finished.get(timeout=_INTERVAL)
            pair, _ = under_way.pop(number)
            if not future.cancelled():
                yield FinishedPicture(number, _report(job, pair, future))
    for folder in cleaned:
        folder.clean()  # a worker that was killed may have left temporary files


def _clean_once(folder: Folder, cleaned: set[Folder]) -> None:
    if folder not in cleaned:
        folder.clean()
        cleaned.add(folder)


def _has_room(under_way: dict[int, Any], ahead: int) -> bool:
    """Return whether one more picture may be submitted, by the limits `ahead` and `_WINDOW`."""
    if not under_way:
        return True
    first, last = min(under_way), max(under_way)
    return len(under_way) < ahead and last - first < _WINDOW


def _put(finished: "SimpleQueue[tuple[int, Future[Report]]]", number: int, future: Any) -> None:
    finished.put((number, future))


def _report(job: PictureJob, pair: Pair, future: Future[Report]) -> Report:
    """Return the report of a picture, even if its worker died or hit a bug."""
    source, _ = pair
    try:
        return future.result()
    except BrokenExecutor as error:
        return job.failed(
            *pair,
            f"{source} crashed its worker process twice ({error}); pass fewer --jobs",
        )
    except UpsampleError as error:
        return job.failed(*pair, str(error))
    except Exception as error:  # a bug must not stop the other pictures
        traceback.print_exception(error)
        fault = f"{type(error).__name__}: {error}"
        return job.failed(*pair, f"{source} hit a bug ({fault}); please report it")


class Stop:
    """In its `with` block, the first Ctrl-C, SIGTERM or SIGHUP asks to stop; the second exits."""

    def __init__(self) -> None:
        self.code = 0
        self._handlers: dict[signal.Signals, Any] = {}

    @property
    def is_asked(self) -> bool:
        """Whether a signal has asked to stop."""
        return self.code != 0

    def __enter__(self) -> Self:
        """Install the handlers; Python lets only the main thread do so."""
        if current_thread() is main_thread():
            for number in (signal.SIGINT, *END_SIGNALS):
                self._handlers[number] = set_handler(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        """Restore the handlers."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.is_asked:
            raise_for_signal(number, frame)
        self.code = SIGNAL_EXIT_BASE + number
