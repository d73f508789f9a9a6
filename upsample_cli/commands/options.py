"""Options that commands share, and the methods' own, made from the catalogue."""

from collections.abc import Callable
from math import isnan
from typing import TYPE_CHECKING, Any, TypeVar

import click

from upsample_cli.errors import SettingError
from upsample_cli.methods.catalogue import METHODS
from upsample_cli.methods.method import Parameter

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.jobs.batch.picture_job import Existing

Command = TypeVar("Command", bound=Callable[..., Any])


class Whole(click.IntRange):
    """A whole number within bounds."""

    name = "integer"  # as what is none is told


class Number(click.types.FloatParamType):
    """A number, of any size."""

    name = "number"


class Limit(click.FloatRange):
    """A number within bounds; NaN, which is neither over nor under any, is none."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        found = super().convert(value, param, ctx)
        if isnan(found):
            self.fail(f"{value!r} is no number; give one", param, ctx)
        return found


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
max_pixels_option = click.option(
    "--max-pixels", type=Whole(1), metavar="N", help="Most pixels to read (268 million)."
)
_SHORT = {"kernel": "-k"}
_FOLDER = (
    click.option(
        "--include", multiple=True, metavar="GLOB", help="Only files like this; repeatable."
    ),
    click.option("--exclude", multiple=True, metavar="GLOB", help="No files or folders like this."),
    click.option("--files-from", metavar="FILE|-", help="Read input names from here, one a line."),
    click.option("-0", "--null", is_flag=True, help="These names end with NUL, not a line."),
    click.option("--skip-existing", is_flag=True, help="Leave outputs that are whole."),
    click.option("--update", is_flag=True, help="Likewise, if newer than their input."),
    click.option("--report", metavar="FILE", help="Rows of results, .csv or .jsonl."),
)


def method_options(command: Command) -> Command:
    """Give a command one option for every parameter that any method has."""
    owners: dict[str, list[tuple[str, Parameter]]] = {}
    for method in METHODS:
        for each in method.parameters():
            owners.setdefault(each.name, []).append((method.name, each))
    for name, found in reversed(owners.items()):
        first = found[0][1]
        option = f"--{name.replace('_', '-')}"
        names = ", ".join(owner for owner, _ in found)
        command = click.option(
            *([_SHORT[name]] if name in _SHORT else []), option, name,
            type=first.kind, metavar=_metavar(first), help=f"{first.help} ({names}).".capitalize(),
        )(command)  # fmt: skip
    return command


def folder_options(command: Command) -> Command:
    """Give a command the options on which pictures to take and what to leave."""
    for option in reversed(_FOLDER):
        command = option(command)
    return command


def existing(force: bool, skip_existing: bool, update: bool) -> "Existing":
    """Return what becomes of outputs that are there, by the flags that were given."""
    if update:
        return "update"
    if skip_existing:
        return "skip"
    return "replace" if force else "refuse"


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that were given on the command line."""
    return {name: value for name, value in settings.items() if value is not None}


def _metavar(each: Parameter) -> str:
    if each.file:
        return "NAME|FILE"
    return "|".join(each.choices) if each.choices else "N"


def pair(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Return "N" or "HxW" as two whole numbers, down and across.

    Args:
        context: Not used.
        option: Whose value it is.
        value: As given, or None.
    """
    if value is None:
        return None
    words = value.lower().split("x")
    if len(words) > 2 or not all(word.isascii() and word.isdecimal() for word in words):
        raise SettingError(f"--{option.name} {value} is no number; give N or HxW, such as 2 or 2x1")
    return int(words[0]), int(words[-1])
