"""Runs of several tools, interleaved so that a noisy moment affects all of them alike."""

import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """The cost of one run.

    Args:
        seconds: By the clock on the wall.
        processor_seconds: Of all threads together, where it is known.
        peak_mb: Most memory at once, in millions of bytes, where it is known.
        written: Bytes of the output file, if there is one.
    """

    seconds: float
    processor_seconds: float | None = None
    peak_mb: float | None = None
    written: int | None = None


class FailedRunError(RuntimeError):
    """A tool failed; the message says why."""


def interleaved(
    runs: Mapping[str, Callable[[], Run]], rounds: int, patience: float
) -> dict[str, list[Run]]:
    """Run every tool once unmeasured, then once a round in a new order each time.

    Args:
        runs: What to run, by name.
        rounds: How often.
        patience: A tool whose first run takes more seconds keeps that run and has no other.

    Returns:
        The runs of each tool, in the order given; a tool that cannot run has none.
    """
    results: dict[str, list[Run]] = {name: [] for name in runs}
    repeated = []
    for name, run in runs.items():
        first = _attempt(name, run)
        if first is not None and first.seconds > patience:
            results[name].append(first)
        elif first is not None:
            repeated.append(name)
    for turn in range(rounds):
        for name in random.Random(turn).sample(repeated, len(repeated)):
            result = _attempt(name, runs[name])
            if result is not None:
                results[name].append(result)
    return results


def median(runs: Sequence[Run], field: str) -> float | None:
    """Return the median of a field over the runs; None where it is not known."""
    values = [value for run in runs if (value := getattr(run, field)) is not None]
    return statistics.median(values) if values else None


def _attempt(name: str, run: Callable[[], Run]) -> Run | None:
    try:
        return run()
    except Exception as reason:  # of any library; the others go on
        print(f"{name}: {type(reason).__name__}: {reason}", file=sys.stderr)
        return None
