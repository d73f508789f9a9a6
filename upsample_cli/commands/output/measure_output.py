"""What was found in pictures as a table for people, as JSON lines or as CSV."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from upsample_cli.commands.output.messages import printable
from upsample_cli.commands.output.picture_lines import UNKNOWN, numbers
from upsample_cli.jobs.measure.measure import Measurement

_FIGURES = ("stride", "ripple", "contrast_db", "floor", "ripple_rel", "local_db", "verdict")


class TextTable:
    """A table for people, with a line of heads above the first row.

    Args:
        wide: Letters of the longest name of a picture.
    """

    _HEADS = ("stride", "checkerboard", "ripple", "floor", "contrast", "   local")

    def __init__(self, wide: int) -> None:
        self._wide = wide
        self._begun = False

    def lines(self, source: str, measured: Measurement | None, error: str | None) -> Iterator[str]:
        """Yield the lines for one picture; none where it could not be read."""
        if measured is None:
            return
        if not self._begun:
            self._begun = True
            yield "  ".join(("picture".ljust(self._wide), *self._HEADS, "worst"))
        found, name = measured.whole, printable(source).ljust(self._wide)
        if found.status in UNKNOWN:
            yield f"{name}  {'-':>6}  {UNKNOWN[found.status]}"
            return
        cells = (
            str(found.stride[0] or "-"),
            "found" if found.verdict == "checkerboard" else "none",
            f"{found.ripple:.2f}",
            f"{found.floor:.2f}",
            f"{found.contrast_db:.1f} dB",
            f"{found.local_db:.1f} dB",
        )
        row = (cell.rjust(len(head)) for cell, head in zip(cells, self._HEADS, strict=True))
        most = measured.most.ripple if measured.channels else 0.0
        worst = f"{measured.worst} {most:.2f}" if most > 0.0 else "-"
        yield "  ".join((name, *row, worst))


class JsonLines:
    """One JSON object a picture."""

    def lines(self, source: str, measured: Measurement | None, error: str | None) -> Iterator[str]:
        """Yield the line for one picture."""
        line: dict[str, Any] = {"input": source, "status": "done" if measured else "failed"}
        line |= {"error": error, "checkerboard": measured and numbers(measured.whole)}
        if measured and measured.channels:
            channels = {"luma": measured.luma, **measured.channels}
            line["channels"] = {name: numbers(each) for name, each in channels.items()}
            line["worst"] = measured.worst
        yield json.dumps(line, allow_nan=False)


class CsvTable:
    """A CSV line a picture, with a line of heads above the first."""

    _HEADS = ("input", "status", "error", *_FIGURES, "metric_status", "worst", "worst_ripple")

    def __init__(self) -> None:
        self._begun = False

    def lines(self, source: str, measured: Measurement | None, error: str | None) -> Iterator[str]:
        """Yield the lines for one picture."""
        if not self._begun:
            self._begun = True
            yield _csv(self._HEADS)
        if measured is None:
            yield _csv((source, "failed", error, *[None] * (len(self._HEADS) - 3)))
            return
        figures = numbers(measured.whole)
        yield _csv((
            source, "done", None, *(figures[name] for name in _FIGURES), measured.whole.status,
            measured.worst, numbers(measured.most)["ripple"],
        ))  # fmt: skip


def _csv(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
