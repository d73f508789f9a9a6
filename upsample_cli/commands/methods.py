"""`upsample methods`: list the methods and the kernels."""

from typing import TYPE_CHECKING

import click

from upsample_cli.commands.arguments.options import json_option
from upsample_cli.commands.output.text_and_json import aligned, in_json
from upsample_cli.methods.catalogue import METHODS

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.jobs.audit.kernel_figures import ShippedKernel

_METHOD_HEADER = ("method", "parameters", "backends", "what it does")
_ANTIRING = (
    "--antiring 1 leaves no overshoot at edges, 0.5 half of it; 0.5 changes the mean PSNR of Set5\n"
    "and of Set14 by -0.01 to +0.07 dB, by -0.04 dB with network"
)
_KERNELS = (
    ("kernel", "for", "when to take it"),
    ("learned", "both", "photographs: the default"),
    ("learned-sharp", "both", "clean photographs: sharper, and more noise"),
    ("learned-soft", "both", "noisy photographs and JPEGs: softer, and less noise"),
    ("uniform", "tconv", "equal taps: a checkerboard if scale does not divide --kernel-size"),
    ("bilinear", "tconv", "bilinear interpolation as a transposed convolution"),
    ("bicubic", "tconv", "bicubic interpolation as a transposed convolution"),
    ("lanczos", "tconv", "Lanczos interpolation as a transposed convolution"),
    ("gaussian", "both", "a soft blur, without overshoot"),
    ("random", "tconv", "an untrained layer: uneven taps; --seed gives others"),
    ("box", "resize-conv", "a mean of neighbours after the resize"),
    ("sharpen", "resize-conv", "crisper edges after the resize"),
    ("FILE", "both", "a .npz of `upsample train`, or taps in a .npy"),
)
_FIGURES_HEADER = (
    "for", "kernel", "scale", "taps", "PSNR dB", "over bicubic", "noise", "overshoot"
)  # fmt: skip


@click.command(short_help="List the methods and kernels.")
@json_option
def methods(as_json: bool) -> None:
    """List the methods, when to use which kernel, and how good the learned kernels are.

    PSNR is for pictures held out of the training; noise is how much the power of white noise
    grows; overshoot is how far an edge goes beyond its two sides.
    """
    from upsample_cli.jobs.audit.kernel_figures import shipped_kernels

    if as_json:
        _print_json()
        return
    rows = [_METHOD_HEADER]
    for method in METHODS:
        options = ", ".join(parameter.option for parameter in method.parameters())
        rows.append((method.name, options or "-", ", ".join(method.backends()), method.summary))
    click.echo(aligned(rows))
    click.echo()
    click.echo(f"{aligned(_KERNELS)}\n")
    click.echo(aligned([_FIGURES_HEADER, *map(_kernel_row, shipped_kernels())]))
    click.echo(f"\n{_ANTIRING}")


def _print_json() -> None:
    """Print one object for each method and each learned kernel."""
    from dataclasses import asdict

    from upsample_cli.jobs.audit.kernel_figures import shipped_kernels

    for method in METHODS:
        parameters = [
            {"name": item.name, "default": item.default, "help": item.help, "values": item.values}
            for item in method.parameters()
        ]
        line = {"method": method.name, "summary": method.summary, "parameters": parameters}
        click.echo(in_json(line))
    for kernel in shipped_kernels():
        click.echo(in_json({"shipped": asdict(kernel)}))


def _kernel_row(kernel: "ShippedKernel") -> tuple[str, ...]:
    scores = ("-", "-") if kernel.psnr is None else (f"{kernel.psnr:.2f}", f"{kernel.gain:+.2f}")
    return (kernel.method, kernel.kernel, f"x{kernel.stride}", f"{kernel.taps}x{kernel.taps}",
            *scores, f"{kernel.noise_gain:.2f}", f"{kernel.overshoot:.0%}")  # fmt: skip
