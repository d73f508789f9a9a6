"""Run a batch on an executor, in bounded memory, with a report on every picture."""

import signal
import traceback
from collections.abc import Callable, Collection, Generator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Self

from upsample_cli.errors import TargetExistsError, UpsampleError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.batch.cluster import ClusterLostError
from upsample_cli.jobs.batch.outputs import Outputs, State
from upsample_cli.jobs.batch.picture_job import PictureJob
from upsample_cli.jobs.batch.plan import Pair, Plan
from upsample_cli.jobs.batch.pool import Workforce
from upsample_cli.jobs.enlarge.task import Existing, Report
from upsample_cli.process import END_SIGNALS, SIGNAL_EXIT_BASE, raise_for_signal, set_handler

EXISTS = "exists; pass --skip-existing to continue an earlier run, or --force to replace it"
"""The end of the error text for an output that exists."""
_WINDOW = 1000  # pictures: how far the newest under way may be ahead of the oldest
_INTERVAL = 0.2  # seconds between checks whether to stop


def run(
    plan: Plan,
    job: PictureJob,
    workforce: Workforce,
    is_stopped: Callable[[], bool],
    is_ours: Callable[[Place], bool] = lambda _: False,
) -> Generator[tuple[int, Report], None, None]:
    """Yield the report on each picture as it finishes; one that fails does not stop the others.

    Args:
        plan: The pictures and their outputs.
        job: What to do with each.
        workforce: Runs the job; it is not shut down.
        is_stopped: Returns whether to start no more pictures; those that have started are finished.
        is_ours: Returns whether an earlier run wrote an output.

    Yields:
        The number of the picture in the plan, from 0, and the report on it.
    """
    under_way: dict[Future[Report], tuple[int, Pair]] = {}  # oldest first
    pairs, outputs, has_more = enumerate(plan.pairs()), Outputs(), True
    cleaned: set[Folder] = set()
    while has_more or under_way:
        while has_more and not is_stopped() and _has_room(under_way.values(), workforce.ahead):
            number, pair = next(pairs, (-1, None))
            if pair is None:
                has_more = False
                continue
            try:
                state = _state(outputs, pair, job.existing)
            except UpsampleError as error:
                yield number, job.failed(*pair, str(error))
                continue
            if (folder := pair[1].folder) not in cleaned:
                folder.clean()
                cleaned.add(folder)
            future = workforce.submit(job, *pair, state, is_ours(pair[1]))
            under_way[future] = number, pair
        if is_stopped():
            has_more = False  # pictures that have started go on: they cannot be cancelled
            under_way = {future: item for future, item in under_way.items() if not future.cancel()}
        wait(under_way, _INTERVAL, FIRST_COMPLETED)
        for future in [future for future in under_way if future.done()]:
            number, pair = under_way.pop(future)
            yield number, _report(job, pair, future)
    for folder in cleaned:
        folder.clean()  # a worker that was killed may have left temporary files


def _state(outputs: Outputs, pair: Pair, existing: Existing) -> State:
    """Return the state of an output; raise an error if it is refused, or a store fails."""
    if existing == "refuse" and outputs.is_there(pair[1]):
        raise TargetExistsError(f"{pair[1]} {EXISTS}")
    return outputs.state(*pair, existing)


def _has_room(under_way: Collection[tuple[int, Pair]], ahead: int) -> bool:
    """Return whether one more picture may be submitted, by the limits `ahead` and `_WINDOW`."""
    numbers = [number for number, _ in under_way]
    return not numbers or (len(numbers) < ahead and numbers[-1] - numbers[0] < _WINDOW)


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
    except ClusterLostError:  # nothing more can be done
        raise
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
                self._handlers[number] = set_handler(number, self._on_signal)
        return self

    def __exit__(self, *error: object) -> None:
        """Restore the handlers."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.is_asked:
            raise_for_signal(number, frame)
        self.code = SIGNAL_EXIT_BASE + number
