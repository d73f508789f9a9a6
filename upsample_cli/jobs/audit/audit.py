"""What an audit finds in a file: a kernel, or the upsampling layers of a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from upsample_cli.errors import SettingError
from upsample_cli.jobs.audit import kernel_figures, layer_figures, taps
from upsample_cli.jobs.audit.kernel_figures import KernelFigures
from upsample_cli.jobs.audit.layer_figures import LayerFigures
from upsample_cli.jobs.audit.weights import Question, layer_of, layers_of
from upsample_cli.kernels.kernel_file import read_arrays
from upsample_cli.kernels.network_weights import is_network, load_network
from upsample_cli.metrics.meter import LEVELS
from upsample_cli.metrics.ripple import VISIBLE, WHITE, ripple

_OPTIONS = {  # and the files that do not say themselves what they set
    "--stride": (".npy", ".npz", ".safetensors"),
    "--padding": (".npy", ".npz", ".safetensors"),
    "--type": (".npy", ".safetensors"),
    "--layer": (".safetensors",),
}
PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")


@dataclass(frozen=True, slots=True)
class OutputFigures:
    """The pattern in what a network makes of pictures, in levels of 255.

    Args:
        stride: Output pixels per input pixel, down and across.
        levels: The largest pattern of all flat pictures.
        worst: The flat picture that has it.
        flat: The RMS of the pattern of each flat picture.
        pictures: The ripple in what it makes of each photograph; NaN where it is unknown.
    """

    stride: tuple[int, int]
    levels: float
    worst: str
    flat: dict[str, float]
    pictures: dict[str, float]

    @property
    def most(self) -> float:
        """The largest pattern of flat pictures and photographs."""
        return max(self.levels, *filter(isfinite, self.pictures.values()), 0.0)

    @property
    def unknown_pictures(self) -> tuple[str, ...]:
        """The photographs on which the pattern is unknown: clipped, or of too few periods."""
        return tuple(name for name, levels in self.pictures.items() if not isfinite(levels))

    @property
    def verdict(self) -> str:
        """`checkerboard`, `none` where the pattern is too faint to see, or `unknown`."""
        if self.most >= LEVELS:
            return "checkerboard"
        return "unknown" if self.unknown_pictures else "none"


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found in a file: the figures of a kernel, or of layers.

    Args:
        kernel: Of a kernel file.
        layers: Of a network or its weights.
        output: Of a network as a whole, where it makes pictures of pictures.
        seconds: That it took to run a network; None for other files.
        memory: Bytes that this took at most, likewise.
    """

    kernel: KernelFigures | None = None
    layers: tuple[LayerFigures, ...] = ()
    output: OutputFigures | None = None
    seconds: float | None = None
    memory: int | None = None

    @property
    def ripple(self) -> float:
        """The largest ripple of the kernel or of any layer's weights or bias."""
        if self.kernel:
            return self.kernel.ripple
        return max((layer.most for layer in self.layers), default=0.0)

    @property
    def unknown(self) -> int:
        """How many layers could not be audited."""
        return sum(layer.verdict == "unknown" for layer in self.layers)


def check(paths: Sequence[str], question: Question) -> None:
    """Refuse what is asked of none of the files.

    Args:
        paths: All files to audit.
        question: What they do not say themselves.

    Raises:
        SettingError: Names the option, and the files that it is for.
    """
    suffixes = {Path(path).suffix.lower() for path in paths}
    for option in question.named_options:
        if not suffixes & set(_OPTIONS[option]) and suffixes <= {".onnx", *_OPTIONS["--stride"]}:
            raise SettingError(f"{option} is for {', '.join(_OPTIONS[option])}; leave it out")


def audit(path: str, question: Question, pictures: tuple[str, ...] = ()) -> Audit:
    """Return what there is to say of the checkerboard of a kernel or network.

    Args:
        path: A .npz, .npy, .onnx or .safetensors.
        question: What the file does not say itself.
        pictures: Photographs to run networks on.

    Raises:
        SettingError: The file is of no known kind, or what it lacks was not given.
        NetworkFileError: A network cannot be read.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".npz", ".npy"):
        return _of_taps(path, question)
    if suffix == ".onnx":
        from upsample_cli.jobs.audit import network  # other files need no process of their own

        return network.audit(path, pictures)
    if suffix == ".safetensors":
        return Audit(layers=tuple(map(layer_figures.figures, layers_of(path, question))))
    if suffix in PICKLES:
        raise SettingError(
            f"{path} is a pickle, which can run code when it is opened; export it with "
            "torch.onnx.export or safetensors.torch.save_file"
        )
    raise SettingError(
        f"{path} is not a kernel or network file; give a .npz, .npy, .onnx or .safetensors"
    )


def _of_taps(path: str, question: Question) -> Audit:
    if is_network(read_arrays(path)):
        return _of_network(path)
    result = taps.read_taps(path, question.stride)
    if result.is_kernel:
        return Audit(kernel_figures.figures(result.whole, result.stride, question.padding))
    layer = layer_of(result.name, result.taps, question)
    return Audit(layers=(layer_figures.figures(layer),))


def _of_network(path: str) -> Audit:
    """Return what a learned network as a whole, over its balanced kernel, does to flat pictures."""
    network = load_network(path)
    stride = network.stride, network.stride
    spread = ripple(network.phase_sums())
    whole = LayerFigures(
        "whole network", "tconv", (3 * stride[0], 3 * stride[1]), stride, (1, 1), True, spread,
        None, None, None, (0.0, 0.0), "checkerboard" if spread >= VISIBLE else "none", "",
    )  # fmt: skip
    return Audit(layers=(whole,), output=OutputFigures(stride, WHITE * spread, "white", {}, {}))
