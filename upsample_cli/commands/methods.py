"""`upsample methods`: what there is to choose from."""

from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands.options import json_option
from upsample_cli.methods.catalogue import METHODS
from upsample_cli.methods.method import Parameter

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.jobs.audit.shipped_kernels import Figures


@click.command(short_help="List the methods and learned kernels.")
@json_option
def methods(as_json: bool) -> None:
    """List the methods with their parameters, then the learned kernels.

    PSNR is on pictures held out in training; noise is the power of white noise after over before;
    overshoot is how far a step goes beyond itself.
    """
    import json
    from dataclasses import asdict

    from upsample_cli.commands.output.picture_lines import aligned
    from upsample_cli.jobs.audit.shipped_kernels import figures

    if as_json:
        for method in METHODS:
            settings = [_plain(each) for each in method.parameters]
            line = {"method": method.name, "summary": method.summary, "parameters": settings}
            click.echo(json.dumps(line))
        for each in figures():
            click.echo(json.dumps({"shipped": asdict(each)}))
        return
    rows = [("method", "parameters", "what it does")]
    for method in METHODS:
        options = ", ".join(f"--{each.name.replace('_', '-')}" for each in method.parameters)
        rows.append((method.name, options or "-", method.summary))
    click.echo(aligned(rows))
    click.echo()
    click.echo(aligned([_HEAD, *map(_row, figures())]))


_HEAD = ("for", "kernel", "scale", "taps", "PSNR dB", "over bicubic", "noise", "overshoot")


def _row(each: "Figures") -> tuple[str, ...]:
    scores = ("-", "-") if each.psnr is None else (f"{each.psnr:.2f}", f"{each.gain:+.2f}")
    return (each.method, each.kernel, f"x{each.stride}", f"{each.taps}x{each.taps}", *scores,
            f"{each.noise_gain:.2f}", f"{each.overshoot:.0%}")  # fmt: skip


def _plain(each: Parameter) -> dict[str, Any]:
    return {"name": each.name, "default": each.default, "help": each.help, "values": each.values}
