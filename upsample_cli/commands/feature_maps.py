"""Feature maps on the command line: what the main job does with .npy and .npz."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from upsample_cli.commands.exit_codes import NOTHING
from upsample_cli.commands.options import given
from upsample_cli.commands.output.messages import printable, tell
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import STREAM, Place

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.jobs.enlarge.feature_maps import ArrayReport
    from upsample_cli.jobs.enlarge.size import TargetSize
    from upsample_cli.methods.method import Method

WORDS = ("npy", "npz")
LAYOUTS = ("hw", "chw", "hwc", "nchw")
_SUFFIXES = (".npy", ".npz")
# Options that only pictures have, and their values where they are not given.
_OF_PICTURES = {
    "linear": False, "alpha": "premultiplied", "quality": None, "compression": None, "strip": False,
    "max_pixels": None, "max_ripple": None, "labels": False,
}  # fmt: skip

layout_option = click.option(
    "--layout", type=click.Choice(LAYOUTS), help="Axes of a feature map (by their number)."
)


def are_meant(
    inputs: tuple[Place | Folder, ...],
    output: Place | Folder,
    format: str | None,
    layout: str | None,
) -> bool:
    """Tell whether feature maps are to be enlarged, and not pictures.

    Args:
        inputs: Files and folders, or "-".
        output: A file, or "-".
        format: What --format says.
        layout: What --layout says.
    """
    named = any(place.path.lower().endswith(_SUFFIXES) for place in (*inputs[:1], output))
    return named or format in WORDS or layout is not None


def check(inputs: tuple[Place | Folder, ...], options: dict[str, Any]) -> Place:
    """Return the one input, unless something is for pictures.

    Args:
        inputs: Files and folders, or "-".
        options: All that may have been given.

    Raises:
        SettingError: Names the option.
    """
    source = single_file(inputs)
    for name, default in _OF_PICTURES.items():
        if options.get(name, default) != default:
            option = f"--{name.replace('_', '-')}"
            remedy = "pass -m nearest instead" if name == "labels" else "leave it out"
            raise SettingError(f"{option} is for pictures, not for feature maps; {remedy}")
    if options["format"] is not None and options["format"] not in WORDS:
        raise SettingError(
            f"--format {options['format']} holds no feature maps; choose {' or '.join(WORDS)}"
        )
    return source


def single_file(inputs: tuple[Place | Folder, ...]) -> Place:
    """Return the one input.

    Raises:
        SettingError: There are several, or it is a folder.
    """
    if len(inputs) != 1:
        raise SettingError("feature maps are enlarged one file at a time; name one input")
    if isinstance(inputs[0], Folder):
        raise SettingError(f"{inputs[0]} is a folder; feature maps are enlarged one file at a time")
    return inputs[0]


def target_file(output: Place | Folder) -> Place:
    """Return the output, unless it is a folder.

    Raises:
        ImageFileError: It is a folder.
    """
    if isinstance(output, Folder):
        raise ImageFileError(f"{output} is a folder; name a file in it")
    return output


class Modes(NamedTuple):
    """How to work and to tell.

    Args:
        dry_run: Whether only to tell what would be done.
        skip_existing: Whether to leave an output that is there.
        as_json: Whether to print a JSON line.
        quiet: Whether to print nothing.
    """

    dry_run: bool
    skip_existing: bool
    as_json: bool
    quiet: bool


def enlarge(
    input: Place,
    output: Place,
    method: "Method",
    target: "TargetSize",
    modes: Modes,
    threads: int,
    options: dict[str, Any],
) -> int:
    """Enlarge feature maps and print what became of them; return the exit code.

    Args:
        input: A file, or "-".
        output: Likewise.
        method: How.
        target: How large.
        modes: How to work and to tell.
        threads: How many work at once.
        options: With boundary, format, force and layout.
    """
    from upsample_cli.jobs.enlarge import feature_maps

    if modes.skip_existing and output.modified() is not None:
        if not modes.quiet:
            tell("note", f"{output} is there already, so it was skipped")
        return NOTHING
    if modes.dry_run:
        click.echo(f"{printable(input.path)} -> {printable(output.path)}")
        return 0
    shared = given({name: options[name] for name in ("boundary", "format", "force", "layout")})
    task = feature_maps.ArrayTask(method, target, threads=threads, **shared)
    with failures(input, output, modes.as_json):
        report = feature_maps.upsample(input, output, task)
    kernel = f" {method.kernel}" if hasattr(method, "kernel") else ""
    more = {"method": method.name, "kernel": getattr(method, "kernel", None)}
    words = f"{method.name}{kernel} x{report.scale:.4g}"
    return told(report, words, modes, **more)


@contextmanager
def failures(input: Place, output: Place, as_json: bool) -> Iterator[None]:
    """Tell a failure in the block as JSON too, where that is wanted.

    Args:
        input: What was to be read.
        output: What was to be written.
        as_json: Whether JSON is wanted.
    """
    try:
        yield
    except ImageFileError as error:
        if as_json:
            import json  # most runs print none

            line = {
                "input": input.path,
                "output": output.path,
                "status": "failed",
                "error": str(error),
            }
            click.echo(json.dumps(line), err=output.is_stream)
        raise


def told(report: "ArrayReport", words: str, modes: Modes, **more: Any) -> int:
    """Print what became of feature maps; return the exit code.

    Args:
        report: What became of them.
        words: How they were enlarged, for people.
        modes: How to tell.
        **more: For JSON alone.
    """
    to_stderr = report.output == STREAM
    if modes.as_json:
        import json
        from dataclasses import asdict  # few runs print JSON of maps

        values = {**asdict(report), **more, "status": "done"}
        ripple = report.kernel_ripple
        if ripple is not None and not isfinite(ripple):
            values["kernel_ripple"] = None
        click.echo(json.dumps(values), err=to_stderr)
    elif not modes.quiet:
        for name, shape in report.shapes.items():
            size = "x".join(map(str, shape))
            which = f" {printable(name)}" if len(report.shapes) > 1 else ""
            line = f"{printable(report.output)}{which}  {size} {report.dtypes[name]}  {words}"
            if report.kernel_ripple is not None:
                line += f"  kernel ripple {report.kernel_ripple:.4f}"
            click.echo(f"{line}  {report.seconds:.2f} s", err=to_stderr)
    for note in () if modes.quiet else report.notes:
        tell("note", f"{report.input}: {note}")
    return 0
