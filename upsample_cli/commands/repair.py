"""`upsample repair`: take the checkerboard out of pictures, kernels and networks."""

from functools import partial
from os.path import splitext
from typing import Any

import click

from upsample_cli.commands.arguments.options import (
    BoundedNumber,
    complete_files,
    file_option,
    folder_options,
    jobs_option,
    json_option,
    limit_options,
    parse_pair,
)
from upsample_cli.commands.exit_codes import failures_as_json
from upsample_cli.commands.output.messages import print_message
from upsample_cli.errors import SettingError

_KERNELS = (".npz", ".npy", ".safetensors", ".onnx", ".pt", ".pth", ".ckpt", ".bin")
_FOR_PICTURES = (
    "strength", "heat_map", "reference", "skip_existing", "update", "report", "no_report", "name",
    "include", "exclude", "files_from", "null", "jobs", "dry_run", "max_pixels",
)  # fmt: skip


def _stride(context: click.Context, option: click.Parameter, value: str) -> tuple[int, int] | None:
    """Return the value of --stride; None for auto."""
    return None if value == "auto" else parse_pair(context, option, value)


@click.command(short_help="Repair pictures, kernels or networks.")
@click.argument("inputs", nargs=-1, metavar="PICTURE...|KERNEL", shell_complete=complete_files)
@file_option("-o", "--output", metavar="OUT",
             help="File, or folder for many; default NAME-repaired, for pictures.")  # fmt: skip
@click.option("-s", "--stride", callback=_stride, default="auto", metavar="N|HxW|auto",
              help="Period, 2 to 16, or a kernel's stride; default auto.")  # fmt: skip
@click.option("--strength", type=BoundedNumber(0, 1), metavar="N",
              help="How much of the pattern to remove, 0 to 1; default 1.")  # fmt: skip
@file_option("--map", "heat_map", metavar="OUT.png",
             help="Draw a map of where the checkerboard was.")  # fmt: skip
@file_option("--reference", metavar="LOW", help="The small picture that it was enlarged from.")
@click.option("--layer", metavar="GLOB", help="Layers of a network to repair; default all.")
@click.option("--ramp", is_flag=True, help="Also let a kernel keep ramps exact.")
@click.option("-f", "--force", is_flag=True, help="Replace files that exist.")
@folder_options
@jobs_option
@click.option("--dry-run", is_flag=True, help="Print what would be done, and write nothing.")
@limit_options
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def repair(
    inputs: tuple[str, ...], output: str | None, stride: tuple[int, int] | None, **options: Any
) -> int | None:
    """Remove the checkerboard from pictures, a kernel, or a network.

    PICTURE: a file, folder or URL, or - for stdin and stdout. The pattern is removed where it is,
    at its local strength; depth, opacity and metadata stay. A picture without a pattern is copied
    unchanged if it keeps its format.

    KERNEL: a .npz, .npy or .onnx file. The output has the nearest taps (least squares) of the same
    sum that keep a flat picture flat. A .npy of 3 to 5 axes holds the weights of a transposed
    convolution (Cin, Cout, kH, kW), which are repaired for each pair of channels; a network (.onnx)
    is copied with its upsampling layers repaired, so check its quality.

    \b
    upsample repair generated.png -o clean.png
    upsample repair generated/ -o clean/ --skip-existing
    upsample repair mine.npz -o balanced.npz --ramp
    upsample repair weights.npy -o balanced.npy --stride 2
    upsample repair net.onnx -o balanced.onnx --layer "up*"
    """  # noqa: D301 # click needs the \b itself
    if not inputs and options["files_from"] is None:
        raise SettingError("no picture or kernel is named; give one, or --files-from")
    kernels = [name for name in (*inputs[:1], output or "") if name.lower().endswith(_KERNELS)]
    if kernels and len(inputs) != 1:
        raise SettingError(
            f"kernels and networks are repaired one at a time; give {kernels[0]} a run of its own"
        )
    if kernels:
        _repair_kernel(inputs[0], output, stride, **options)
        return None
    options["strength"] = 1.0 if options["strength"] is None else options["strength"]
    return _repair_pictures(inputs, output, stride, **options)


def _repair_pictures(
    inputs: tuple[str, ...], output: str | None, stride: tuple[int, int] | None, *,
    strength: float, heat_map: str | None, reference: str | None, ramp: bool, layer: str | None,
    **options: Any,
) -> int:  # fmt: skip
    """Repair pictures, print the report on each, and return the exit code."""
    from upsample_cli.commands import batch, single
    from upsample_cli.commands.arguments.request import places_of, request_of
    from upsample_cli.images.places.place import Place, parse, parse_file
    from upsample_cli.images.write.formats import FORMATS
    from upsample_cli.jobs.enlarge.task import TargetSize, Task
    from upsample_cli.jobs.measure.measure import MeasureOptions
    from upsample_cli.jobs.measure.picture_repair import repair_picture
    from upsample_cli.methods.interpolation import Unchanged

    if ramp or layer:
        what = "--ramp is for kernels and networks" if ramp else "--layer is for networks"
        raise SettingError(f"{what}, not for pictures; leave it out")
    if output is None:
        if len(inputs) != 1 or inputs[0] == "-":
            raise SettingError(
                "no output is named; give -o FILE, -o FOLDER/ for many, or -o - for standard output"
            )
        stem, suffix = splitext(inputs[0].rstrip("/"))  # noqa: PTH122 # a Path would change URLs
        if suffix[1:].lower() not in FORMATS and isinstance(parse(inputs[0]), Place):
            suffix = suffix and ".png"  # a format that is only read
        output = f"{stem}-repaired{suffix}"
    places = places_of((*inputs, output), options["files_from"])
    task = Task(Unchanged(), TargetSize(1.0), premultiplied=False)
    names = frozenset(name for name, value in options.items() if value)
    request = request_of(*places, task, given=names, **options)
    low, map_file = (parse_file(name) if name else None for name in (reference, heat_map))
    for name, given in (("map", map_file), ("reference", low)):
        if given and not request.is_for_one_file:
            raise SettingError(f"--{name} is for one picture; name one picture")
    if stride is not None and stride[0] != stride[1]:
        raise SettingError("--stride HxW is for kernels, not for pictures; give --stride N")
    work = partial(repair_picture, MeasureOptions(stride and stride[0], low, map_file), strength)
    run = single.enlarge if request.is_for_one_file else batch.enlarge
    return run(request, work)


def _repair_kernel(
    kernel: str, output: str | None, stride: tuple[int, int] | None, *, ramp: bool,
    layer: str | None, force: bool, as_json: bool, quiet: bool, **others: Any,
) -> None:  # fmt: skip
    """Write the nearest balanced kernel or network, and print what changed."""
    from upsample_cli.commands.feature_maps import failed_line
    from upsample_cli.commands.output.audit_output import repair_in_words, repair_json
    from upsample_cli.images.places.place import parse_file
    from upsample_cli.jobs.audit import repair as job

    for name in _FOR_PICTURES:
        if others[name] or isinstance(others[name], float):
            option = {"heat_map": "map"}.get(name, name).replace("_", "-")
            raise SettingError(f"--{option} is for pictures, not for {kernel}; leave it out")
    if output is None:
        raise SettingError(f"no output is named; give -o OUT{splitext(kernel)[1]}")  # noqa: PTH122
    source, target = parse_file(kernel), parse_file(output)
    with failures_as_json(as_json, False, partial(failed_line, source, target)):
        target.check_target((source,), force)
        result = job.repair(kernel, output, stride, ramp, layer)
        with target.writing(force) as file:
            file.write(result.data)
    if as_json or not quiet:
        words = repair_json if as_json else repair_in_words
        click.echo(words(kernel, output, result))
    for note in () if quiet else result.notes:
        print_message("note", note)
