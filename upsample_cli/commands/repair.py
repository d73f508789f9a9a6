"""`upsample repair`: the nearest kernel without a checkerboard."""

import click

from upsample_cli.commands.arguments.options import (
    complete_files,
    json_option,
    max_memory_option,
    pair,
)
from upsample_cli.commands.output.messages import tell


@click.command(short_help="Free a kernel of its checkerboard.")
@click.argument("kernel", metavar="KERNEL", shell_complete=complete_files)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT.npz",
    shell_complete=complete_files,
    help="Where to write it.",
)
@click.option("-s", "--stride", callback=pair, metavar="N|HxW",
              help="Output pixels per input pixel, for a .npy.")  # fmt: skip
@click.option("--ramp", is_flag=True, help="Keep ramps exact too, not only flat pictures.")
@click.option("-f", "--force", is_flag=True, help="Replace a file that exists.")
@max_memory_option
@json_option
def repair(kernel: str, output: str, stride: tuple[int, int] | None, ramp: bool, force: bool,
           as_json: bool) -> None:  # fmt: skip
    """Write the nearest kernel to KERNEL whose phase sums are all equal.

    Nearest in least squares; the overall sum stays. A .npy of 3 to 5 axes is the weights of a
    transposed convolution (Cin, Cout, kH, kW), mended for each pair of channels.

    \b
    upsample repair mine.npz -o balanced.npz --ramp
    upsample repair weights.npy -o balanced.npy --stride 2
    """  # noqa: D301 # click needs the \b itself
    from upsample_cli.commands.output.audit_output import repair_in_words, repair_json
    from upsample_cli.images.places.place import parse_file
    from upsample_cli.jobs.audit import repair as job

    target = parse_file(output)
    target.check_target(parse_file(kernel), force)
    result = job.repair(kernel, output, stride, ramp)
    with target.writing(force) as file:
        file.write(result.data)
    words = repair_json if as_json else repair_in_words
    click.echo(words(kernel, output, result))
    for note in result.notes:
        tell("note", note)
