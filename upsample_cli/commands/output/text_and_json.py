"""Results as text: aligned columns for people, JSON for programs."""

from collections.abc import Mapping, Sequence
from typing import Any


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def in_json(values: Mapping[str, Any]) -> str:
    """Return values as one line of JSON: arrays become lists, NaN and infinity null.

    >>> in_json({"ripple": float("nan"), "stride": (2, 2)})
    '{"ripple": null, "stride": [2, 2]}'
    """
    import json  # most runs print no JSON

    text = json.dumps(values, default=lambda array: array.tolist())
    return json.dumps(json.loads(text, parse_constant=lambda _: None))
