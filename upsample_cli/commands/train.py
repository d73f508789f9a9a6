"""`upsample train`: train a kernel or a network on pictures."""

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from upsample_cli.commands.arguments.options import (
    BoundedNumber,
    Whole,
    complete_files,
    max_memory_option,
)
from upsample_cli.commands.output.messages import print_message, printable, progress_bar
from upsample_cli.errors import SettingError

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.images.places.place import Place
    from upsample_cli.jobs.train.network_training import Evaluation
    from upsample_cli.jobs.train.train import Settings, Trained

_FOR_KERNELS = ("taps", "separable", "balance", "shrink", "noise", "samples")
_FOR_NETWORKS = ("start", "layers", "steps", "minutes", "degrade")


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """The options of the command; their help is below."""

    images: tuple[str, ...]
    output: str
    method: str
    stride: int
    taps: int
    separable: bool
    balance: str
    shrink: str
    noise: float
    samples: int
    start: str | None
    layers: int | None
    steps: int | None
    minutes: float
    degrade: str
    seed: int
    holdout: float
    force: bool
    quiet: bool

    def __post_init__(self) -> None:
        """Check the output's name, and that all options given are for the method."""
        if not self.output.endswith(".npz"):
            raise SettingError(f"{self.output} is not a .npz file; name a .npz file")
        context, is_network = click.get_current_context(), self.method == "network"
        for name in _FOR_KERNELS if is_network else _FOR_NETWORKS:
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
                option = "full" if name == "separable" else name
                other = "tconv and resize-conv" if is_network else "network"
                raise SettingError(
                    f"--{option} is for {other}, not for {self.method}; leave it out"
                )

    def settings(self) -> "Settings":
        """Return the settings for training a kernel."""
        from upsample_cli.jobs.train.train import Settings
        from upsample_cli.kernels.least_squares import Structure

        structure = Structure(self.method, self.separable, self.balance)
        return Settings(self.stride, self.taps, structure, self.shrink, self.noise, self.samples,
                        self.seed, self.holdout)  # fmt: skip


@click.command(short_help="Train a kernel or a network on pictures.")
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGES...", shell_complete=complete_files
)
@click.option("-o", "--output", required=True, metavar="KERNEL.npz", help="File to write.")
@click.option("-m", "--method", type=click.Choice(("tconv", "resize-conv", "network")),
              default="tconv",
              help="Method to train for; default tconv.")  # fmt: skip
@click.option("-s", "--stride", "--scale", type=Whole(2, 8), default=2,
              metavar="N", help="Scale: 2 to 8, for a network 2 to 4; default 2.")  # fmt: skip
@click.option("--taps", type=int, default=9, metavar="N",
              help="Input pixels per axis: 3, 5... 15; default 9.")  # fmt: skip
@click.option("--separable/--full", default=True,
              help="Row times column, or free taps; default separable.")  # fmt: skip
@click.option("--balance", type=click.Choice(("flat", "ramp", "none")), default="ramp",
              help="What the kernel keeps exact: flat areas or ramps; default ramp.")  # fmt: skip
@click.option("--shrink", default="bicubic", metavar="NAME",
              help="How to shrink: area, lanczos, gaussian:SIGMA; default bicubic.")  # fmt: skip
@click.option("--noise", type=BoundedNumber(0, 64), default=2.0, metavar="LEVELS",
              help="Noise to expect in pictures, 0 to 64 levels; default 2.")  # fmt: skip
@click.option("--samples", type=Whole(1000), default=1_000_000, metavar="N",
              help="Patches to learn from, 1000 or more; default 1000000.")  # fmt: skip
@click.option(
    "--start",
    metavar="NAME|FILE",
    shell_complete=complete_files,
    help="Network to start from: photo, clean or a .npz file.",
)
@click.option("--layers", type=Whole(1, 20), metavar="N",
              help="Convolutions before the last, 1 to 20; default --start's, or 5.")  # fmt: skip
@click.option(
    "--steps", type=Whole(1), metavar="N", help="Steps to train a network, instead of minutes."
)
@click.option("--minutes", type=BoundedNumber(0.01), default=10.0, metavar="N",
              help="Minutes to train a network; default 10.")  # fmt: skip
@click.option("--degrade", type=click.Choice(("photo", "web", "clean")), default="photo",
              help="JPEG and noise: some, more or none; default photo.")  # fmt: skip
@click.option("--seed", type=Whole(0), default=0, metavar="N",
              help="Seed of all random choices; default 0.")  # fmt: skip
@click.option("--holdout", type=BoundedNumber(0, 0.9), default=0.1, metavar="SHARE",
              help="Share of pictures kept for testing, 0 to 0.9; default 0.1.")  # fmt: skip
@max_memory_option
@click.option("-f", "--force", is_flag=True, help="Replace a file that exists.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def train(**values: Any) -> None:
    """Train a kernel or a network on IMAGES, files or folders, and write it to a file.

    Pictures are shrunk by the stride, and the kernel that best restores the originals is found in
    one pass over them. A network takes minutes to hours; Ctrl-C keeps the best so far, and --start
    goes on from it.

    \b
    upsample train photos/ -o mine.npz
    upsample small.png large.png --kernel mine.npz
    upsample train scans/ -o scans.npz --method network --start photo
    upsample small.png large.png --method network --weights scans.npz
    """  # noqa: D301 # click needs the \b itself
    request = TrainRequest(**values)
    from upsample_cli.images.places.place import parse, parse_file
    from upsample_cli.jobs.train.pairs import pictures_in
    from upsample_cli.jobs.train.train import train as train_kernel

    output = parse_file(request.output)
    output.check_target([parse_file(request.start)] if request.start else [], request.force)
    pictures = pictures_in([parse(name) for name in request.images])
    if request.method == "network":
        _train_network(pictures, output, request)
        return
    settings = request.settings()
    trained = train_kernel(pictures, settings, progress_bar(request.quiet, "picture"))
    with output.writing(request.force) as file:
        file.write(trained.file.to_bytes())
    if not request.quiet:
        for reason in trained.skipped:
            print_message("note", f"skipped: {reason}")
        click.echo(_summary(request.output, trained))


def _summary(output: str, trained: "Trained") -> str:
    from upsample_cli.commands.output.text_tables import aligned

    file, about = trained.file, trained.file.about
    side, count = len(trained.kernel.taps), about["pictures"]
    lines = [
        f"{printable(output)}  {file.method} x{file.stride}  {about['structure']} {side}x{side}  "
        f"balance {about['balance']}  {trained.seconds:.1f} s",
        f"trained on {count} picture{'s' * (count != 1)} "
        f"({about['pixels'] / 1e6:.1f} million pixels), {len(trained.skipped)} skipped",
        f"exact ripple {trained.ripple_before:.4f} before balancing, "
        f"{trained.ripple_after:.4f} after",
        f"noise gain {about['noise_gain']:.2f}, step overshoot {about['overshoot']:.0%}",
    ]
    scores = about["held_out"]["psnr"]
    if not scores:
        return "\n".join([*lines, "no picture was held out"])
    held_out = about["held_out"]["pictures"]
    rows = [
        (f"PSNR of {held_out} held out", *scores),
        ("dB", *(f"{db:.2f}" for db in scores.values())),
    ]
    return "\n".join([*lines, aligned(rows)])


def _train_network(pictures: "list[Place]", output: "Place", request: TrainRequest) -> None:
    """Train a network on pictures, write it, and print its scores."""
    if sys.modules.get("torch", "torch") is None or find_spec("torch") is None:
        raise SettingError(
            "training a network needs torch, which is not installed; "
            'pip install "upsample-cli[train]"'
        )
    from upsample_cli.jobs.train import network_training as job
    from upsample_cli.metrics.ripple import ripple

    settings = job.NetworkSettings(request.stride, request.start, request.layers, request.steps,
                                   request.minutes, request.degrade, request.seed,
                                   request.holdout)  # fmt: skip

    def watch(look: "Evaluation") -> None:
        """Print how far the training is, and the network's scores."""
        if not request.quiet:
            print_message("note", f"step {look.step}, {look.done:.0%}: {_scores(look)}")

    trained = job.train(pictures, settings, watch)
    with output.writing(request.force) as file:
        file.write(trained.network.to_bytes())
    if not request.quiet:
        for reason in trained.skipped:
            print_message("note", f"skipped: {reason}")
        exact = ripple(trained.network.phase_sums())
        click.echo(
            f"{printable(request.output)}  network x{request.stride}  step {trained.look.step}  "
            f"{_scores(trained.look)}  exact ripple {exact:.4f}  {trained.seconds:.1f} s"
        )


def _scores(look: "Evaluation") -> str:
    """Return the PSNR on held-out pictures, as text."""
    scores = ", ".join(f"{name} {db:.2f}" for name, db in look.psnr.items())
    return f"held-out PSNR, dB: {scores}" if scores else "no picture was held out"
