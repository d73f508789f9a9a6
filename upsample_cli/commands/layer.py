"""`upsample layer`: apply a network's transposed convolution to feature maps."""

from functools import partial

import click

from upsample_cli.commands import feature_maps
from upsample_cli.commands.arguments.options import (
    complete_files,
    file_option,
    json_option,
    layout_option,
    max_memory_option,
    pair_option,
)
from upsample_cli.commands.arguments.request import ARRAY_FORMATS, check_stream, places_of
from upsample_cli.commands.exit_codes import failures_as_json
from upsample_cli.images.places.folder import as_file

Pair = tuple[int, int] | None


@click.command(short_help="Apply a layer's weights to feature maps.")
@click.argument("input", shell_complete=complete_files)
@click.argument("output", shell_complete=complete_files)
@file_option("-w", "--weights", required=True, metavar="FILE",
             help="The layer's weights: a .npy, .npz or .safetensors.")  # fmt: skip
@click.option("--tensor", metavar="NAME", help="Name of the weights, if the file holds several.")
@file_option("--bias", metavar="NAME|FILE.npy",
             help="Bias: a name in the file, or a file; default none.")  # fmt: skip
@pair_option("-s", "--stride", help="Output pixels per input pixel; default 1.")
@pair_option("--padding", help="Output pixels cut off on each side; default 0.")
@pair_option("--output-padding", help="Output pixels added at the bottom and right; default 0.")
@pair_option("--dilation", help="Output pixels from one tap to the next; default 1.")
@click.option("--groups", type=int, default=1, metavar="N",
              help="Groups of channels; default 1.")  # fmt: skip
@layout_option("chw", "hwc", "nchw")
@click.option("--format", type=click.Choice(ARRAY_FORMATS),
              help="Format, if the output has no suffix; default the input's.")  # fmt: skip
@click.option("-f", "--force", is_flag=True, help="Replace an output that exists.")
@max_memory_option
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def layer(input: str, output: str, weights: str, tensor: str | None, bias: str | None,
          stride: Pair, padding: Pair, output_padding: Pair, dilation: Pair, groups: int,
          layout: str | None, format: str | None, force: bool, as_json: bool,
          quiet: bool) -> None:  # fmt: skip
    """Apply a transposed convolution layer to the feature maps in INPUT, a .npy or .npz.

    Weights have PyTorch's shape, (Cin, Cout / groups, kH, kW); beyond the edges there are zeros,
    as in the network. The report has the layer's exact ripple.

    \b
    upsample layer maps.npy out.npy --weights up.npy --stride 2 --padding 1
    upsample layer maps.npy out.npy -w net.safetensors --tensor up.weight --bias up.bias -s 2
    """  # noqa: D301 # click needs the \b itself
    (first,), last = places_of((input, output), None)
    source, to = as_file(first), as_file(last)
    if to.is_stream:
        check_stream((source,))
    from upsample_cli.jobs.enlarge import layer as job
    from upsample_cli.kernels.geometry import Geometry

    geometry = Geometry.of(stride or 1, padding or 0, output_padding or 0, dilation or 1, groups)
    task = job.LayerTask(weights, tensor, bias, geometry, layout, format, force)
    with failures_as_json(as_json, to.is_stream, partial(feature_maps.failed_line, source, to)):
        report = job.apply(source, to, task)
    how = f"layer {weights} x" + "x".join(map(str, dict.fromkeys(geometry.stride)))
    feature_maps.print_report(report, how, to.is_stream, as_json, quiet, weights=weights)
