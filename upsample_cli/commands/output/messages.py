"""Messages (one ASCII line each) and progress bars, on standard error."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.images.places.place import Place
    from upsample_cli.jobs.batch.outputs import Outputs
    from upsample_cli.jobs.enlarge.task import Existing
    from upsample_cli.planes import Size

Item = TypeVar("Item")
_COLOURS = {"Error": "red", "note": "yellow"}
_IN_PER_CENT = "{l_bar}{bar}| {elapsed}, {remaining} left"
_PATIENCE = 1.0  # seconds of work before a bar appears


def print_message(kind: str, text: str) -> None:
    """Print `kind: text` on standard error.

    Args:
        kind: "Error" or "note".
        text: Any text; line breaks become spaces, other control characters and non-ASCII ones are
            escaped, and all else stays: a file's name may hold several spaces in a row.
    """
    line = printable(" ".join(text.splitlines())).encode("ascii", "backslashreplace").decode()
    with suppress(OSError):  # the terminal was closed
        click.echo(f"{coloured(kind, _COLOURS[kind])}: {line}", err=True)


def coloured(word: str, colour: str) -> str:
    """Return a word in a colour, which `click.echo` drops if the output is not a terminal.

    Source: https://no-color.org for the variable that turns colours off.
    """
    return word if os.environ.get("NO_COLOR") else click.style(word, fg=colour)


def printable(text: str) -> str:
    r"""Return a text as one line, with control and other unprintable characters escaped.

    >>> print(printable("red\x1b[31m\n.png"))
    red\x1b[31m\n.png
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def progress_bar(quiet: bool, unit: str = "") -> Any:
    """Return `with_bar` for a unit; None if `quiet`, or if standard error is not a terminal."""
    return None if quiet or not _is_terminal() else partial(with_bar, unit=unit)


def with_bar(items: Iterable[Item], total: int, unit: str) -> Iterator[Item]:
    """Yield the items; after a second show a bar, which counts in per cent if `unit` is ""."""
    start, progress = perf_counter(), None
    try:
        for done, item in enumerate(items, 1):
            if progress is not None:
                progress.update()
            elif perf_counter() - start > _PATIENCE:
                from tqdm import tqdm  # slow to import, and quick work shows no bar

                progress = tqdm(
                    total=total, initial=done, leave=False, ascii=True, unit=unit,
                    bar_format=None if unit else _IN_PER_CENT,
                )  # fmt: skip
            yield item
    finally:
        if progress is not None:
            progress.close()


def with_picture_bar(
    quiet: bool, pictures: Iterator[Item], total: int, has_failed: Callable[[Item], bool]
) -> Iterator[Item]:
    """Yield the pictures of a folder; on a terminal, a bar shows the progress and failures."""
    if quiet or not _is_terminal():
        yield from pictures
        return
    from tqdm import tqdm  # slow to import

    failed = 0
    with tqdm(total=total, leave=False, ascii=True, unit="picture") as progress:
        for picture in pictures:
            failed += has_failed(picture)
            progress.set_postfix_str(f"{failed} failed", refresh=False)
            progress.update()
            yield picture


def without_bars() -> AbstractContextManager[Any]:
    """Return a context manager in which printed lines do not mix with a progress bar."""
    if "tqdm" not in sys.modules:  # then there is no bar
        return nullcontext()
    from tqdm import tqdm

    block: AbstractContextManager[Any] = tqdm.external_write_mode(file=sys.stderr)
    return block


def _is_terminal() -> bool:
    """Return whether standard error is a terminal: it can also be a file, or closed."""
    return sys.stderr is not None and sys.stderr.isatty()


def plan_remark(source: "Place", to: "Place", existing: "Existing", outputs: "Outputs") -> str:
    """Return what would become of an output that exists, for a dry run; "" if there is none."""
    if existing in ("refuse", "replace"):
        remarks = {"refuse": "already exists: needs --force", "replace": "will be replaced"}
        return remarks[existing] if outputs.is_there(to) else ""
    # Whether it is whole is known once it is decoded, which takes too long for a plan.
    return {
        "missing": "",
        "older": "older than its input: replaced if an earlier run wrote it",
        "there": "exists: kept if it is whole and of the right size",
    }[outputs.state(source, to, existing)]


def print_planned(
    source: "Place", to: "Place", remark: str, as_json: bool, size: "Size | None" = None
) -> None:
    """Print what a picture would become, for a dry run.

    Args:
        source: The input.
        to: The output.
        remark: What would become of an output that exists; "" if there is none.
        as_json: Whether to print one line of JSON.
        size: Height and width of the output, if known.
    """
    if as_json:
        from upsample_cli.commands.output.text_and_json import in_json  # most runs print no JSON

        height, width = size or (None, None)
        values = {
            "input": str(source), "output": str(to), "status": "planned",
            "width": width, "height": height, "notes": [remark] if remark else [],
        }  # fmt: skip
        click.echo(in_json(values))
        return
    names = f"{printable(str(source))} -> {printable(str(to))}"
    dimensions = f"  {size[1]}x{size[0]}" if size else ""
    click.echo(f"{names}{dimensions}{f'  ({remark})' if remark else ''}")
