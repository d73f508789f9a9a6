"""Measurements of pictures as a table for people, as JSON lines or as CSV."""

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
    """A table for people, with a line of headings above the first row.

    Args:
        width: Letters of the longest name of a picture.
    """

    _HEADINGS = ("stride", "checkerboard", "ripple", "floor", "contrast", "   local")

    def __init__(self, width: int) -> None:
        self._width = width
        self._begun = False

    def lines(
        self, source: str, measurement: Measurement | None, error: str | None
    ) -> Iterator[str]:
        """Yield the lines for one picture; none if it could not be read."""
        if measurement is None:
            return
        if not self._begun:
            self._begun = True
            yield "  ".join(("picture".ljust(self._width), *self._HEADINGS, "worst"))
        overall, name = measurement.overall, printable(source).ljust(self._width)
        if overall.status in UNKNOWN:
            yield f"{name}  {'-':>6}  {UNKNOWN[overall.status]}"
            return
        cells = (
            str(overall.stride[0] or "-"),
            "found" if overall.verdict == "checkerboard" else "none",
            f"{overall.ripple:.2f}",
            f"{overall.floor:.2f}",
            f"{overall.contrast_db:.1f} dB",
            f"{overall.local_db:.1f} dB",
        )
        row = (
            cell.rjust(len(heading)) for cell, heading in zip(cells, self._HEADINGS, strict=True)
        )
        ripple = measurement.worst.ripple if measurement.channels else 0.0
        worst = f"{measurement.worst_channel} {ripple:.2f}" if ripple > 0.0 else "-"
        yield "  ".join((name, *row, worst))


class JsonLines:
    """One JSON object a picture."""

    def lines(
        self, source: str, measurement: Measurement | None, error: str | None
    ) -> Iterator[str]:
        """Yield the line for one picture."""
        line: dict[str, Any] = {"input": source, "status": "done" if measurement else "failed"}
        line |= {"error": error, "checkerboard": measurement and numbers(measurement.overall)}
        if measurement and measurement.channels:
            channels = {"luma": measurement.luma, **measurement.channels}
            line["channels"] = {name: numbers(result) for name, result in channels.items()}
            line["worst"] = measurement.worst_channel
        yield json.dumps(line, allow_nan=False)


class CsvTable:
    """A CSV line a picture, with a line of headings above the first."""

    _HEADINGS = ("input", "status", "error", *_FIGURES, "metric_status", "worst", "worst_ripple")

    def __init__(self) -> None:
        self._begun = False

    def lines(
        self, source: str, measurement: Measurement | None, error: str | None
    ) -> Iterator[str]:
        """Yield the lines for one picture."""
        if not self._begun:
            self._begun = True
            yield _csv(self._HEADINGS)
        if measurement is None:
            yield _csv((source, "failed", error, *[None] * (len(self._HEADINGS) - 3)))
            return
        figures = numbers(measurement.overall)
        yield _csv((
            source, "done", None, *(figures[name] for name in _FIGURES), measurement.overall.status,
            measurement.worst_channel, numbers(measurement.worst)["ripple"],
        ))  # fmt: skip


def _csv(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
