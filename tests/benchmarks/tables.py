"""Markdown tables."""

from collections.abc import Iterable, Sequence


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is words and whose others are numbers."""
    rule = [":--", *["--:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def number(value: float | None, digits: int) -> str:
    """Return a number with so many decimals, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def ratio(numerator: float | None, denominator: float | None) -> str:
    """Return a quotient with two decimals, or a dash where either part is missing."""
    if numerator is None or not denominator:
        return "-"
    return number(numerator / denominator, 2)
