"""`upsample train`: train a kernel or a network on pictures."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from upsample_cli.commands.arguments.options import (
    BoundedNumber,
    Whole,
    complete_files,
    complete_words,
    file_option,
    max_memory_option,
)
from upsample_cli.commands.output.messages import print_message, printable, progress_bar
from upsample_cli.commands.output.text_and_json import aligned
from upsample_cli.errors import ImageFileError, SettingError

if TYPE_CHECKING:  # --help must not wait for NumPy
    from upsample_cli.images.places.place import Place
    from upsample_cli.jobs.train.network_training import Evaluation
    from upsample_cli.jobs.train.train import Trained
    from upsample_cli.kernels.network_weights import ResidualNetwork

_FOR_KERNELS = ("taps", "separable", "balance", "shrink", "noise", "samples")
_FOR_NETWORKS = ("start", "layers", "steps", "minutes", "degrade")


@click.command(short_help="Train a kernel or a network on pictures.")
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGES...", shell_complete=complete_files
)
@file_option("-o", "--output", required=True, metavar="KERNEL.npz", help="File to write.")
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
              shell_complete=complete_words(("bicubic", "area", "lanczos")),
              help="How to shrink: area, lanczos, gaussian:SIGMA; default bicubic.")  # fmt: skip
@click.option("--noise", type=BoundedNumber(0, 64), default=2.0, metavar="LEVELS",
              help="Noise to expect in pictures, 0 to 64 levels; default 2.")  # fmt: skip
@click.option("--samples", type=Whole(1000), default=1_000_000, metavar="N",
              help="Patches to learn from, 1000 or more; default 1000000.")  # fmt: skip
@click.option(
    "--start",
    metavar="NAME|FILE",
    shell_complete=complete_words(("photo", "clean"), or_files=True),
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
def train(
    images: tuple[str, ...], output: str, method: str, force: bool, quiet: bool, **options: Any
) -> int:
    """Train a kernel or a network on IMAGES, files or folders, and write it to a file.

    Pictures are shrunk by the stride, and the kernel that best restores the originals is found in
    one pass over them. A network takes minutes to hours; Ctrl-C or another signal ends the training
    and keeps the best so far. --start continues it; from another scale, it takes only the body.

    \b
    upsample train photos/ -o mine.npz
    upsample small.png large.png --kernel mine.npz
    upsample train scans/ -o scans.npz --method network --start photo
    upsample small.png large.png --method network --weights scans.npz
    """  # noqa: D301 # click needs the \b itself
    if not output.lower().endswith(".npz"):
        raise SettingError(f"{output} is not a .npz file; name a .npz file")
    is_network = method == "network"
    source = click.get_current_context().get_parameter_source
    if is_network and options["steps"] and source("minutes") is not ParameterSource.DEFAULT:
        raise SettingError("--steps and --minutes cannot be used together; leave one out")
    for name in _FOR_KERNELS if is_network else _FOR_NETWORKS:
        del options[name]
        if source(name) is not ParameterSource.DEFAULT:
            option = "full" if name == "separable" else name
            other = "tconv and resize-conv" if is_network else "network"
            raise SettingError(f"--{option} is for {other}, not for {method}; leave it out")
    from upsample_cli.images.places.place import parse, parse_file
    from upsample_cli.jobs.train.pairs import pictures_in

    target, start = parse_file(output), options.get("start")
    target.check_target([parse_file(start)] if start else [], force)
    target.folder.make()  # for a target in a store, this checks that its bucket exists
    pictures = pictures_in([parse(name) for name in images])
    file = _OwnFile(target, force)
    if is_network:
        data, skipped, summary, code = _trained_network(pictures, quiet, file, **options)
    else:
        data, skipped, summary, code = _trained_kernel(pictures, quiet, method, **options)
    _write(file, data)
    if not quiet:
        for reason in skipped:
            print_message("note", f"skipped: {reason}")
        click.echo(f"{printable(output)}  {summary}")
    return code


@dataclass(slots=True)
class _OwnFile:
    """The file to write; once this run has written it, it is replaced even without `force`."""

    place: "Place"
    force: bool

    def write(self, data: bytes) -> None:
        """Write the file whole, or raise an `ImageFileError`."""
        with self.place.writing(self.force) as file:
            file.write(data)
        self.force = True


def _write(file: _OwnFile, data: bytes) -> None:
    """Write what was trained; if that fails, keep it in a temporary folder, and say where."""
    try:
        file.write(data)
    except ImageFileError as error:
        from pathlib import Path  # --help is quicker without them
        from shutil import rmtree
        from tempfile import mkdtemp

        folder = ""
        try:
            folder = mkdtemp(prefix="upsample-")
            kept = Path(folder, "trained.npz")
            kept.write_bytes(data)
        except OSError:  # the disk is full, for example
            rmtree(folder, ignore_errors=True)
            raise error from None
        raise ImageFileError(
            f"{str(error).partition(';')[0]}; copy {kept} there yourself"
        ) from error


def _trained_kernel(
    pictures: "list[Place]", quiet: bool, method: str, separable: bool, balance: str, **options: Any
) -> tuple[bytes, Sequence[str], str, int]:
    """Return a trained kernel's file, why pictures were skipped, a summary, and the exit code."""
    from upsample_cli.jobs.train.train import Settings
    from upsample_cli.jobs.train.train import train as train_kernel
    from upsample_cli.kernels.least_squares import Structure

    settings = Settings(structure=Structure(method, separable, balance), **options)
    trained = train_kernel(pictures, settings, progress_bar(quiet, "picture"))
    return trained.file.to_bytes(), trained.skipped, _summary(trained), 0


def _summary(trained: "Trained") -> str:
    file, about = trained.file, trained.file.about
    side, count, pixels = len(trained.kernel.taps), about["pictures"], about["pixels"]
    size = f"{pixels / 1e6:.1f} million" if pixels >= 1e5 else pixels
    lines = [
        f"{file.method} x{file.stride}  {about['structure']} {side}x{side}  "
        f"balance {about['balance']}  {trained.seconds:.1f} s",
        f"trained on {count} picture{'s' * (count != 1)} "
        f"({size} pixels), {len(trained.skipped)} skipped",
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


def _trained_network(
    pictures: "list[Place]", quiet: bool, file: _OwnFile, **options: Any
) -> tuple[bytes, Sequence[str], str, int]:
    """Return a trained network's file, why pictures were skipped, a summary, and the exit code.

    The best network so far is written to `file` at each test: if the machine stops, it is not lost.
    """
    if sys.modules.get("torch", "torch") is None or find_spec("torch") is None:
        raise SettingError(
            "training a network needs torch, which is not installed; "
            'pip install "upsample-cli[train]"'
        )
    from upsample_cli.jobs.train import network_training as job
    from upsample_cli.kernels.network_weights import load_network
    from upsample_cli.metrics.ripple import ripple

    failures = list[ImageFileError]()

    def watch(test: "Evaluation", best: "ResidualNetwork") -> None:
        """Print how good the network is so far, and keep the best."""
        if not quiet:
            print_message("note", f"step {test.step}, {test.done:.0%}: {_scores(test)}")
        if test.step:
            try:
                file.write(best.to_bytes())
            except ImageFileError as error:  # the last write tries again, or keeps it elsewhere
                failures.append(error)
                if len(failures) == 1 and not quiet:
                    print_message("note", f"the best so far is not kept: {error}")

    settings = job.NetworkSettings(**options)
    start, stride = settings.start, settings.stride
    if start and not quiet and (other := load_network(start, stride).stride) != stride:
        fact = f"{start} is for scale {other}"
        print_message("note", f"{fact}: its body is used, and its last layer begins anew")
    trained = job.train(pictures, settings, watch)
    best_test = trained.evaluation
    if not (best_test.step or quiet):
        print_message("note", f"training did not help: {file.place} holds the start; train longer")
    summary = (
        f"network x{trained.network.stride}  step {best_test.step}  {_scores(best_test)}  "
        f"exact ripple {ripple(trained.network.phase_sums()):.4f}  {trained.seconds:.1f} s"
    )
    return trained.network.to_bytes(), trained.skipped, summary, trained.code


def _scores(evaluation: "Evaluation") -> str:
    """Return the PSNR on held-out pictures, as text."""
    scores = ", ".join(f"{name} {db:.2f}" for name, db in evaluation.psnr.items())
    return f"held-out PSNR, dB: {scores}" if scores else "no picture was held out"
