"""`upsample audit`: find the exact checkerboard of kernels and of networks' upsampling layers."""

from collections.abc import Iterator
from math import nan
from typing import TYPE_CHECKING

import click

from upsample_cli.commands.arguments.options import (
    BoundedNumber,
    complete_files,
    file_option,
    json_option,
    max_memory_option,
    pair_option,
)
from upsample_cli.commands.exit_codes import FAILED, NOTHING_DONE, OVER_RIPPLE, USAGE
from upsample_cli.commands.output.messages import print_message
from upsample_cli.commands.output.text_and_json import figure_over
from upsample_cli.errors import SettingError, UpsampleError

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.jobs.audit.audit import Audit

_ROUNDING = 1e-4  # levels that a network may differ by, between phases that are equal


@click.command(short_help="Find the checkerboard of kernels and networks.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_files)
@pair_option("-s", "--stride", help="Stride, if the file does not say it.")
@pair_option("--padding", help="Padding, if the file does not say it.")
@click.option("--layer", metavar="PATTERN",
              help="Weights of a .safetensors to audit, such as 'up*.weight'.")  # fmt: skip
@click.option("--type", "kind", type=click.Choice(("tconv", "sub-pixel")),
              help="Kind of layer, if the file has only weights; default tconv.")  # fmt: skip
@click.option("--max-ripple", type=BoundedNumber(0), metavar="RIPPLE",
              help="Exit with 4 if a ripple is larger than this; 0 or more.")  # fmt: skip
@file_option("--pictures", multiple=True, metavar="FILE",
             help="Photograph to run networks on, its middle; may be repeated.")  # fmt: skip
@click.option("--max-levels", type=BoundedNumber(0), metavar="LEVELS",
              help="Exit with 4 if the output's pattern is over LEVELS.")  # fmt: skip
@max_memory_option
@json_option
def audit(files: tuple[str, ...], stride: tuple[int, int] | None,
          padding: tuple[int, int] | None, layer: str | None, kind: str | None,
          max_ripple: float | None, pictures: tuple[str, ...], max_levels: float | None,
          as_json: bool) -> int:  # fmt: skip
    """Find the exact checkerboard of each FILE.

    Ripple is the pattern that a flat picture gets: the spread of the phase sums divided by their
    mean, 0 where the kernel is balanced. A network that turns pictures into pictures is also run on
    flat pictures: the last line says how strong the pattern in its output is, in levels of 0 to
    255.

    A .npy or .safetensors has weights as PyTorch lays them out: (Cin, Cout / groups, kH, kW) of a
    transposed convolution, (Cout s^2, Cin, k, k) of a sub-pixel one of stride s.

    \b
    upsample audit mine.npz                        a kernel of `upsample train`
    upsample audit taps.npy --stride 2             bare taps, or a layer's weights
    upsample audit model.onnx --max-ripple 0.01    every upsampling layer of a network
    upsample audit model.onnx --max-levels 0.5     what is left of it in the network's output
    upsample audit net.safetensors --layer "up*" --stride 2
    """  # noqa: D301 # click needs the \b itself
    from upsample_cli.commands.output.audit_output import as_json as in_json
    from upsample_cli.commands.output.audit_output import in_words
    from upsample_cli.jobs.audit import audit as job
    from upsample_cli.jobs.audit.weights import FileOptions

    options = FileOptions(stride, padding, layer, kind)
    job.check(files, options, pictures)
    codes, is_empty, is_over = set(), True, False
    for path in files:
        try:
            result = job.audit(path, options, pictures)
        except UpsampleError as error:
            codes.add(USAGE if isinstance(error, SettingError) else FAILED)
            if as_json:
                click.echo(in_json(path, None, str(error)))
            print_message("Error", str(error))
            continue
        click.echo(in_json(path, result, None) if as_json else in_words(path, result))
        is_empty &= not result.kernel and not result.layers
        for excess in _excesses(result, max_ripple, max_levels):
            is_over = True
            print_message("note", f"{path}: {excess}")
        for fault in _unchecked_limits(result, max_ripple, max_levels):
            codes.add(FAILED)
            print_message("Error", f"{path}: {fault}")
    if codes:
        return max(codes)
    return NOTHING_DONE if is_empty else OVER_RIPPLE if is_over else 0


def _excesses(result: "Audit", max_ripple: float | None, max_levels: float | None) -> Iterator[str]:
    """Yield a text for each figure that is over its limit."""
    if max_ripple is not None and result.ripple > max_ripple:
        figure = figure_over(result.ripple, max_ripple, 4)
        yield f"ripple {figure} is over --max-ripple {max_ripple:.10g}"
    levels = result.kernel.levels if result.kernel else result.output.most if result.output else nan
    if max_levels is not None and levels > max(max_levels, _ROUNDING):
        figure = figure_over(levels, max_levels, 2)
        yield f"{figure} levels in the output are over --max-levels {max_levels:.10g}"


def _unchecked_limits(
    result: "Audit", max_ripple: float | None, max_levels: float | None
) -> Iterator[str]:
    """Yield a text for each limit that cannot be checked, with the reason."""
    if max_levels is not None and result.output and result.output.unknown_pictures:
        names = ", ".join(result.output.unknown_pictures)
        what = "too many pixels are clipped, or it is too small"
        yield f"unknown on {names}: {what}; give other --pictures or none"
    if max_levels is not None and result.output and not result.output.worst:
        fault = "the output holds NaN or infinity; repair the weights, or export the network again"
        if result.output.is_finite:
            fault = "the flat pictures take too long to audit; audit a part of the network"
        yield fault
    if max_levels is not None and result.layers and result.output is None:
        what = "kernels, and networks that turn pictures into pictures"
        yield f"--max-levels is for {what}; leave it out"
    if max_ripple is not None and result.unknown:
        count = f"{result.unknown} of {len(result.layers)} layers"
        yield f"{count} could not be audited; see the reasons above"
