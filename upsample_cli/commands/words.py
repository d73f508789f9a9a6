"""Words for people, on standard error: ASCII, one line each."""

import click


def tell(kind: str, text: str) -> None:
    """Print `kind: text` on standard error.

    Args:
        kind: "Error" or "note".
        text: Any text; line breaks become blanks, what is not ASCII is escaped.
    """
    line = f"{kind}: {' '.join(text.split())}"
    click.echo(line.encode("ascii", "backslashreplace").decode(), err=True)
