"""Options that several commands share, and one for each parameter of the methods."""

import os
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from math import inf, isnan, nan
from typing import Any, TypeVar

import click

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import STREAM, Place, parse
from upsample_cli.methods.catalogue import METHODS
from upsample_cli.methods.method import Parameter

Command = TypeVar("Command", bound=Callable[..., Any])


class BoundedNumber(click.ParamType):  # type: ignore[type-arg] # generic only in recent versions of click
    """A number within bounds; the errors of click's own type would show them as 1<=x<=100."""

    name = "number"
    kind: type[float] = float

    def __init__(self, low: float = -inf, high: float = inf) -> None:
        """Set the bounds, both inclusive."""
        self.low, self.high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value as a number; fail if it is not a number or is out of bounds."""
        try:
            number = self.kind(value)
        except ValueError:
            number = nan
        if isnan(number):
            self.fail(f"{value!r} is not a valid {self.name}", param, ctx)
        if not self.low <= number <= self.high:
            limits = f"{self.low} or more" if self.high == inf else f"{self.low} to {self.high}"
            self.fail(f"{value} is not in the range {limits}", param, ctx)
        return number


class Whole(BoundedNumber):
    """A whole number within bounds."""

    name = "integer"
    kind = int


complete_files = click.Path().shell_complete
"""A completion function that makes the shell complete files and folders."""


def complete_words(words: Sequence[str], or_files: bool = False) -> Callable[..., Any]:
    """Return a completion function for values that are words, or files too if `or_files`."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
        """Return the words that begin with `incomplete`, after files if these are values too."""
        items = complete_files(context, parameter, incomplete) if or_files else []
        return [*items, *click.Choice(words).shell_complete(context, parameter, incomplete)]

    return complete


def _combined(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that adds options to a command, in the order of its help."""

    def add(command: Command) -> Command:
        """Return the command with the options added."""
        for option in reversed(options):
            command = option(command)
        return command

    return add


def file_option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """Return an option whose value is a file, which the shell completes."""
    return click.option(*names, shell_complete=complete_files, **settings)


def pair_option(*names: str, help: str) -> Callable[[Command], Command]:
    """Return an option whose value is one number, or one down and one across."""
    return click.option(*names, callback=parse_pair, metavar="N|HxW", help=help)


def layout_option(*layouts: str) -> Callable[[Command], Command]:
    """Return an option whose value is one of some layouts of arrays."""
    by_count = ", ".join(layout for layout in layouts if layout != "hwc")
    return click.option("--layout", type=click.Choice(layouts),
                        help=f"Axes of an array; default by count: {by_count}.")  # fmt: skip


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, one object on each line."
)
jobs_option = click.option(
    "-j", "--jobs", type=Whole(1), metavar="N",
    help="Processes or threads to use; default one for each core.",
)  # fmt: skip
max_memory_option = click.option(
    "--max-memory", metavar="SIZE", expose_value=False,
    callback=lambda ctx, param, value: memory.limit_to(memory.size_of(value) if value else None),
    help="Most memory to use, such as 2GB; default half of the machine's.",
)  # fmt: skip
limit_options = _combined(
    click.option("--max-pixels", type=Whole(1), metavar="N",
                 help="Refuse inputs of more pixels than this; default 268 million."),
    max_memory_option,
)  # fmt: skip
input_options = _combined(
    click.option("--include", multiple=True, metavar="GLOB",
                 help="Take only files that match; may be repeated."),
    click.option("--exclude", multiple=True, metavar="GLOB",
                 help="Leave out files and folders that match; may be repeated."),
    file_option("--files-from", metavar="FILE|-",
                help="Read the names of inputs from a file, one on each line."),
    click.option("-0", "--null", is_flag=True,
                 help="Names in --files-from end with NUL, not with a line break."),
)  # fmt: skip
folder_options = _combined(
    input_options,
    click.option("--name", metavar="TEMPLATE",
                 help="Name of each output, such as '{stem}_x{scale}{suffix}'."),
    click.option("--skip-existing", is_flag=True,
                 help="Skip outputs that exist with the right size; remake the others."),
    click.option("--update", is_flag=True,
                 help="Skip outputs that exist and are newer than their input."),
    file_option("--report", metavar="FILE",
                help="Write a row for each picture into a .csv or .jsonl file."),
    click.option("--no-report", is_flag=True,
                 help="Do not write checkerboard.csv into the folder."),
)  # fmt: skip


def method_options(command: Command) -> Command:
    """Add an option to a command for each parameter of the methods; equal names share one."""
    owners: dict[str, list[tuple[str, Parameter]]] = {}
    for method in METHODS:
        for parameter in method.parameters():
            owners.setdefault(parameter.name, []).append((method.name, parameter))
    for name, uses in reversed(owners.items()):
        first = uses[0][1]
        option = f"--{name.replace('_', '-')}"
        owning = [owner for owner, _ in uses]
        others = [method.name for method in METHODS if method.name not in owning]
        is_rare = len(owning) <= len(others)
        names = ", ".join(owning) if is_rare else f"all but {', '.join(others)}"
        if first.kind is bool:
            value: dict[str, Any] = {"is_flag": True, "default": None}
        else:
            value = {"type": first.kind, "metavar": _metavar(first)}
        command = click.option(
            *(["-k"] if name == "kernel" else []), option, name, **value,
            shell_complete=complete_words(first.choices, bool(first.file or first.suffix)),
            help=f"{first.help[0].upper()}{first.help[1:]}{_default(first)} ({names}).",
        )(command)  # fmt: skip
    return command


def _default(parameter: Parameter) -> str:
    """Return the end of a parameter's help, which names its default; "" if it has none."""
    if parameter.default in (None, "") or parameter.kind is bool:
        return ""
    return f"; default {str(parameter.default).removesuffix('.0')}"


def _metavar(parameter: Parameter) -> str:
    if parameter.file:
        return "NAME|FILE"
    if parameter.suffix:
        return f"FILE{parameter.suffix}"
    return f"[{'|'.join(parameter.choices)}]" if parameter.choices else "N"


def parse_pair(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Return a value "N" or "HxW" as two whole numbers, down and across; None if not given."""
    if value is None:
        return None
    words = value.lower().split("x")
    if len(words) > 2 or not all(word.isascii() and word.isdecimal() for word in words):
        raise SettingError(f"invalid {option.opts[-1]} '{value}'; give N or HxW, such as 2 or 2x1")
    return int(words[0]), int(words[-1])


def places_from(path: str, null: bool) -> list[Place | Folder]:
    """Return the places that a file or standard input names; blank lines are skipped.

    Args:
        path: The file, or "-" for standard input.
        null: Whether names end with NUL, not with a line break.

    Raises:
        ImageFileError: The list cannot be read.
        SettingError: The list contains NUL, and `null` is off; or it names standard input.
    """
    if path == STREAM and sys.stdin is None:
        raise ImageFileError("standard input is closed; pipe names in or check --files-from")
    from pathlib import Path  # slow to import, and few runs read a list

    try:
        data = sys.stdin.buffer.read() if path == STREAM else Path(path).read_bytes()
    except OSError as error:
        raise ImageFileError(f"cannot read {path}: {error.strerror}; check --files-from") from error
    if not null and b"\0" in data:
        raise SettingError(f"{path} contains NUL characters; pass --null if they end its names")
    data = data.removeprefix(BOM_UTF8)  # editors on Windows write it
    lines = data.split(b"\0") if null else data.replace(b"\r\n", b"\n").split(b"\n")
    if STREAM.encode() in lines:
        raise SettingError("standard input must be the only input; write ./- for a file called -")
    # Thousands of URLs are not looked up in their stores one by one.
    return [parse(os.fsdecode(line), ask_store=False) for line in lines if line.strip()]
