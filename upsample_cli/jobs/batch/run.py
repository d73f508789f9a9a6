"""Many pictures on an executor: bounded in memory, each with its report, whatever becomes of it."""

from collections.abc import Callable, Generator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from upsample_cli.errors import UpsampleError
from upsample_cli.images.places import temporary
from upsample_cli.images.places.target import is_url
from upsample_cli.jobs.batch.outputs import Outputs
from upsample_cli.jobs.batch.picture_job import Work
from upsample_cli.jobs.batch.plan import Pair, Plan
from upsample_cli.jobs.batch.worker import WorkerDiedError
from upsample_cli.jobs.enlarge.task import Report

_WINDOW = 1000  # pictures by which one may overtake another
_LOOK = 0.2  # seconds between looks whether to stop


@dataclass(frozen=True, slots=True)
class Ended:
    """A picture that has ended.

    Args:
        place: Its number in the plan, from 0.
        report: What became of it.
    """

    place: int
    report: Report


def run(
    plan: Plan, work: Work, executor: Executor, ahead: int, stopped: Callable[[], bool]
) -> Generator[Ended, None, None]:
    """Yield each picture as it ends; no fault of one stops the others.

    Args:
        plan: Which pictures.
        work: What to do with each.
        executor: Who does it; stays open.
        ahead: How many to have submitted at once.
        stopped: Tells whether to begin no more; what is under way is still finished.
    """
    ended: SimpleQueue[tuple[int, Future[Report]]] = SimpleQueue()
    under_way: dict[int, tuple[Pair, Future[Report]]] = {}
    pairs, outputs, more = enumerate(plan.pairs()), Outputs(), True
    cleaned: set[Path] = set()
    while more or under_way:
        while more and not stopped() and _has_room(under_way, ahead):
            place, pair = next(pairs, (-1, ("", "")))
            if place < 0:
                more = False
            elif fault := _refused(work, pair, outputs):
                yield Ended(place, work.failed(*pair, fault))
            else:
                if not is_url(pair[1]) and (into := Path(pair[1]).parent) not in cleaned:
                    temporary.clean(into)
                    cleaned.add(into)
                known = outputs.known(*pair, work.dates) if work.looks else None
                under_way[place] = pair, executor.submit(work, *pair, known)
                under_way[place][1].add_done_callback(partial(_put, ended, place))
        if stopped():
            more = False
            for _, future in under_way.values():
                future.cancel()  # unless it is being worked on
        if not under_way:
            continue
        with suppress(Empty):
            place, future = ended.get(timeout=_LOOK)
            pair, _ = under_way.pop(place)
            if not future.cancelled():
                yield Ended(place, _report(work, pair, future))
    for into in cleaned:
        temporary.clean(into)  # a worker that was killed may have left something, too


def _has_room(under_way: dict[int, Any], ahead: int) -> bool:
    """Tell whether one more may begin: those that wait for an earlier one are in memory too."""
    if not under_way:
        return True
    first, last = min(under_way), max(under_way)
    return len(under_way) < ahead and last - first < _WINDOW


def _put(ended: "SimpleQueue[tuple[int, Future[Report]]]", place: int, future: Any) -> None:
    ended.put((place, future))


def _refused(work: Work, pair: Pair, outputs: Outputs) -> str | None:
    """Return why a picture is not to be begun."""
    if work.existing == "refuse" and outputs.is_there(pair[1]):
        return f"{pair[1]} exists; pass --force to replace it"
    return None


def _report(work: Work, pair: Pair, future: Future[Report]) -> Report:
    """Return the report of a picture, also where whoever worked on it was lost or at fault."""
    source, _ = pair
    try:
        return future.result()
    except (WorkerDiedError, BrokenExecutor) as error:
        return work.failed(
            *pair, f"{source} ended its worker twice ({error}); it may need more memory"
        )
    except UpsampleError as error:
        return work.failed(*pair, str(error))
    except Exception as error:  # a bug must not cost the others; its worker told where it is
        fault = f"{type(error).__name__}: {error}"
        return work.failed(*pair, f"{source} met a bug ({fault}); please report it")
