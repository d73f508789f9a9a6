"""`upsample layer`: a network's transposed convolution, applied to feature maps."""

from typing import Any

import click

from upsample_cli.commands import arguments, feature_maps
from upsample_cli.commands.options import given, json_option, pair


@click.command(short_help="Apply a layer's weights to feature maps.")
@click.argument("input")
@click.argument("output")
@click.option("-w", "--weights", required=True, metavar="FILE",
              help="A .npy, .npz or .safetensors.")  # fmt: skip
@click.option("--tensor", metavar="NAME", help="Its weight, where there are several.")
@click.option("--bias", metavar="NAME|FILE.npy", help="Its bias (none).")
@click.option("-s", "--stride", callback=pair, metavar="N|HxW",
              help="Output pixels per input pixel (1).")  # fmt: skip
@click.option("--padding", callback=pair, metavar="N|HxW",
              help="Output pixels left off on every side (0).")  # fmt: skip
@click.option("--output-padding", callback=pair, metavar="N|HxW",
              help="Output pixels added at the end (0).")  # fmt: skip
@click.option("--dilation", callback=pair, metavar="N|HxW",
              help="Output pixels from tap to tap (1).")  # fmt: skip
@click.option("--groups", type=int, default=1, show_default=True, metavar="N",
              help="Parts into which the channels fall.")  # fmt: skip
@feature_maps.layout_option
@click.option("--format", type=click.Choice(feature_maps.WORDS), help="Of standard output.")
@click.option("-f", "--force", is_flag=True, help="Replace an output that is there.")
@json_option
@click.option("-q", "--quiet", is_flag=True, help="No report.")
def layer(input: str, output: str, as_json: bool, quiet: bool, stride: Any, padding: Any,
          output_padding: Any, dilation: Any, groups: int, **options: Any) -> int:  # fmt: skip
    """Apply a transposed convolution layer to the feature maps in INPUT, a .npy or .npz.

    Weights have PyTorch's shape, (Cin, Cout / groups, kH, kW); beyond the edges there are zeros,
    as in the network. The layer's exact ripple is told.

    \b
    upsample layer maps.npy out.npy --weights up.npy --stride 2 --padding 1
    upsample layer maps.npy out.npy -w net.safetensors --tensor up.weight --bias up.bias -s 2
    """  # noqa: D301 # click needs the \b itself
    from upsample_cli.jobs.enlarge import layer as job
    from upsample_cli.kernels.geometry import Geometry

    inputs, target = arguments.of((input, output), None)
    source = feature_maps.single_file(inputs)
    arguments.check_stream(inputs, target)
    target = feature_maps.target_file(target)
    geometry = Geometry.of(stride or 1, padding or 0, output_padding or 0, dilation or 1, groups)
    task = job.LayerTask(geometry=geometry, **given(options))
    with feature_maps.failures(source, target, as_json):
        report = job.apply(source, target, task)
    modes = feature_maps.Modes(dry_run=False, skip_existing=False, as_json=as_json, quiet=quiet)
    words = f"layer {options['weights']} x" + "x".join(map(str, dict.fromkeys(geometry.stride)))
    return feature_maps.told(report, words, modes, weights=options["weights"])
