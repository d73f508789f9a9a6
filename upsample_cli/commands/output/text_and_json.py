"""Results as text: aligned columns for people, JSON for programs."""

from collections.abc import Mapping, Sequence
from typing import Any


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def figure_over(value: float, limit: float, digits: int) -> str:
    """Return a value as text, with `digits` decimals if these tell it from a limit that it is over.

    >>> figure_over(3.004, 2.0, 2), figure_over(3.004, 3.0, 2)
    ('3.00', '3.004')
    """
    text = f"{value:.{digits}f}"
    return text if float(text) > limit else f"{value:.10g}"


def in_json(values: Mapping[str, Any]) -> str:
    """Return values as one line of JSON: arrays become lists, NaN and infinity null.

    >>> in_json({"ripple": float("nan"), "stride": (2, 2)})
    '{"ripple": null, "stride": [2, 2]}'
    """
    import json  # most runs print no JSON

    text = json.dumps(values, default=lambda array: array.tolist())
    return json.dumps(json.loads(text, parse_constant=lambda _: None))
