"""`upsample train`: a kernel from pictures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from upsample_cli.commands.options import Limit, Whole, complete_files
from upsample_cli.commands.output.messages import printable, progress_bar, tell
from upsample_cli.errors import SettingError

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.jobs.train.settings import Settings
    from upsample_cli.jobs.train.train import Trained


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
    seed: int
    holdout: float
    force: bool
    quiet: bool

    def __post_init__(self) -> None:
        """Check the name of the output."""
        if not self.output.endswith(".npz"):
            raise SettingError(f"{self.output} is no .npz; name the kernel file KERNEL.npz")

    def settings(self) -> "Settings":
        """Return how to train."""
        from upsample_cli.jobs.train.settings import Settings
        from upsample_cli.kernels.least_squares import Structure

        structure = Structure(self.method, self.separable, self.balance)
        return Settings(self.stride, self.taps, structure, self.shrink, self.noise, self.samples,
                        self.seed, self.holdout)  # fmt: skip


@click.command(short_help="Train a kernel on pictures.")
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGES...", shell_complete=complete_files
)
@click.option("-o", "--output", required=True, metavar="KERNEL.npz", help="Where to write it.")
@click.option("-m", "--method", type=click.Choice(("tconv", "resize-conv")), default="tconv",
              show_default=True, help="What it is for.")  # fmt: skip
@click.option("-s", "--stride", "--scale", type=Whole(2, 8), default=2, show_default=True,
              metavar="N", help="Output pixels per input pixel, 2..8.")  # fmt: skip
@click.option("--taps", type=int, default=9, show_default=True, metavar="N",
              help="Input pixels an axis per output, odd.")  # fmt: skip
@click.option("--separable/--full", default=True, show_default=True,
              help="Same taps along both axes, or any.")  # fmt: skip
@click.option("--balance", type=click.Choice(("flat", "ramp", "none")), default="ramp",
              show_default=True, help="What stays as it is without fail.")  # fmt: skip
@click.option("--shrink", default="bicubic", show_default=True, metavar="NAME",
              help="bicubic, area, lanczos or gaussian:SIGMA.")  # fmt: skip
@click.option("--noise", type=Limit(0, 64), default=2.0, show_default=True, metavar="LEVELS",
              help="Noise of the pictures to come.")  # fmt: skip
@click.option("--samples", type=Whole(1000), default=1_000_000, show_default=True, metavar="N",
              help="Patches to learn from.")  # fmt: skip
@click.option("--seed", type=Whole(0), default=0, show_default=True, metavar="N",
              help="Of the choice of patches and pictures.")  # fmt: skip
@click.option("--holdout", type=Limit(0, 0.9), default=0.1, show_default=True, metavar="SHARE",
              help="Share of pictures only tried on.")  # fmt: skip
@click.option("-f", "--force", is_flag=True, help="Replace a kernel that is there.")
@click.option("-q", "--quiet", is_flag=True, help="No report, no notes.")
def train(**values: Any) -> None:
    """Train a kernel on IMAGES, files or folders, and write it to a file.

    Pictures are shrunk by the stride; the kernel is the one that brings them nearest to their
    originals, in one pass and one small solve.

    \b
    upsample train photos/ -o mine.npz
    upsample small.png large.png --kernel mine.npz
    """  # noqa: D301 # click needs the \b itself
    request = TrainRequest(**values)
    from upsample_cli.images.places.place import STREAM, parse, parse_file
    from upsample_cli.jobs.train import train as job

    output = parse_file(request.output)
    output.check_target(parse_file(STREAM), request.force)
    settings, pictures = request.settings(), job.pictures([parse(name) for name in request.images])
    trained = job.train(pictures, settings, progress_bar(request.quiet, "picture"))
    with output.writing(request.force) as file:
        file.write(trained.file.to_bytes())
    if not request.quiet:
        for reason in trained.skipped:
            tell("note", f"skipped: {reason}")
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
        (f"held-out PSNR ({held_out})", *scores),
        ("dB", *(f"{db:.2f}" for db in scores.values())),
    ]
    return "\n".join([*lines, aligned(rows)])
