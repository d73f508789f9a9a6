"""The audit of a file: the checkerboard of a kernel, or of a network's upsampling layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, isnan, nan
from pathlib import Path

from upsample_cli.errors import SettingError
from upsample_cli.jobs.audit import kernel_figures, layer_figures
from upsample_cli.jobs.audit.kernel_figures import KernelFigures
from upsample_cli.jobs.audit.layer_figures import LayerFigures
from upsample_cli.jobs.audit.taps import TapsFile, read_taps
from upsample_cli.jobs.audit.weights import FileOptions, layer_of, layers_of
from upsample_cli.kernels.kernel_file import read_arrays
from upsample_cli.kernels.network_weights import is_network, load_network
from upsample_cli.metrics.meter import LEAST_RIPPLE
from upsample_cli.metrics.ripple import VISIBLE, WHITE, ripple

_OPTIONS = {  # by option, the suffixes of the files that it is for
    "--stride": (".npy", ".npz", ".safetensors"),
    "--padding": (".npy", ".npz", ".safetensors"),
    "--type": (".npy", ".safetensors"),
    "--layer": (".safetensors",),
    "--pictures": (".onnx",),
}
PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")


@dataclass(frozen=True, slots=True)
class OutputFigures:
    """The checkerboard pattern in the output of a network, in levels of 0..255.

    Args:
        stride: Output pixels per input pixel, down and across.
        levels: RMS of the pattern of the flat picture where it is strongest; NaN if unknown.
        worst: The name of that flat picture, and of the output if several are pictures; empty if
            unknown, because the audit takes too long or the output is not finite.
        flat: RMS of the pattern by flat picture; empty for a .npz, which is not run, or if the
            audit takes too long.
        pictures: The ripple in the output by photograph; NaN where it is unknown.
    """

    stride: tuple[int, int]
    levels: float
    worst: str
    flat: dict[str, float]
    pictures: dict[str, float]

    @property
    def is_finite(self) -> bool:
        """Whether no output for a flat picture has NaN or infinity, as far as they were run."""
        return all(map(isfinite, self.flat.values()))

    @property
    def most(self) -> float:
        """The strongest pattern of all pictures, RMS in levels; NaN if `levels` is."""
        return max(self.levels, *filter(isfinite, self.pictures.values()), 0.0)

    @property
    def unknown_pictures(self) -> tuple[str, ...]:
        """The photographs whose pattern is unknown: they are clipped, or have too few periods."""
        return tuple(name for name, levels in self.pictures.items() if not isfinite(levels))

    @property
    def verdict(self) -> str:
        """`checkerboard`, `none` if every pattern is too faint to see, or `unknown`."""
        if self.most >= LEAST_RIPPLE:
            return "checkerboard"
        return "unknown" if self.unknown_pictures or isnan(self.levels) else "none"


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit: the figures of a kernel, or of layers.

    Args:
        kernel: The figures of a kernel file; None for other files.
        layers: The figures of the upsampling layers in a network or in a file of weights.
        output: The figures of a network's output; None unless it turns pictures into pictures.
        seconds: Seconds that the audit of a .onnx took; None for other files.
        memory: The most bytes of memory that it took, 0 if unknown; None for other files.
    """

    kernel: KernelFigures | None = None
    layers: tuple[LayerFigures, ...] = ()
    output: OutputFigures | None = None
    seconds: float | None = None
    memory: int | None = None

    @property
    def ripple(self) -> float:
        """The ripple of the kernel, or the largest of all layers' weights and biases.

        It is NaN if a layer is unknown and the others have none that can be seen.
        """
        if self.kernel:
            return self.kernel.ripple
        most = max((layer.most for layer in self.layers), default=0.0)
        return nan if self.unknown and most < VISIBLE else most

    @property
    def unknown(self) -> int:
        """The number of layers that could not be audited."""
        return sum(layer.verdict == "unknown" for layer in self.layers)


def check(paths: Sequence[str], options: FileOptions, pictures: tuple[str, ...]) -> None:
    """Refuse an option that is for none of the files.

    Args:
        paths: All files to audit.
        options: The options to check.
        pictures: Paths of photographs to run a .onnx on.

    Raises:
        SettingError: An option is for other kinds of file.
    """
    suffixes = {Path(path).suffix.lower() for path in paths}
    for option in options.named_options + ["--pictures"] * bool(pictures):
        if not suffixes & set(_OPTIONS[option]) and suffixes <= {".onnx", *_OPTIONS["--stride"]}:
            raise SettingError(f"{option} is for {', '.join(_OPTIONS[option])}; leave it out")


def audit(path: str, options: FileOptions, pictures: tuple[str, ...] = ()) -> Audit:
    """Return the figures of the checkerboard of a kernel or network.

    Args:
        path: A .npz, .npy, .onnx or .safetensors file.
        options: What the file does not hold.
        pictures: Paths of photographs to run a .onnx on, too.

    Raises:
        SettingError: The file is of no known kind, or an option that it needs is missing.
        NetworkFileError: A network cannot be read, or takes too much memory or time.
        ImageFileError: A photograph cannot be read.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".npz", ".npy"):
        if is_network(read_arrays(path)):
            return _of_network(path, options)
        return of_taps(read_taps(path, options.stride), options)
    if suffix == ".onnx":
        from upsample_cli.jobs.audit import network  # only a .onnx needs a process of its own

        return network.audit(path, pictures)
    if suffix == ".safetensors":
        return Audit(layers=tuple(map(layer_figures.figures, layers_of(path, options))))
    if suffix in PICKLES:
        raise SettingError(
            f"{path} is a pickle, which can run code when it is opened; export it with "
            "torch.onnx.export or safetensors.torch.save_file"
        )
    raise SettingError(
        f"{path} is not a kernel or network file; give a .npz, .npy, .onnx or .safetensors"
    )


def of_taps(file: TapsFile, options: FileOptions) -> Audit:
    """Return the figures of taps that have been read; see `audit`."""
    if file.is_kernel:
        return Audit(kernel_figures.figures(file.whole, file.stride, options.padding))
    layer = layer_of(file.name, file.taps, options)
    return Audit(layers=(layer_figures.figures(layer),))


def _of_network(path: str, options: FileOptions) -> Audit:
    """Return the audit of a learned network and the enlargement that it is added to, as a layer."""
    network = load_network(path)
    stride = network.stride, network.stride
    is_other = options.stride not in (None, stride)
    for option, is_wrong in (("stride", is_other), ("padding", options.padding is not None)):
        if is_wrong:
            fact = f"network '{Path(path).name}' brings its own {option}"
            raise SettingError(f"{fact}; leave --{option} out")
    value = ripple(network.phase_sums())
    layer = LayerFigures(
        "whole network", "tconv", (3 * stride[0], 3 * stride[1]), stride, (1, 1), True, value,
        None, None, None, (0.0, 0.0), "checkerboard" if value >= VISIBLE else "none", "",
    )  # fmt: skip
    return Audit(layers=(layer,), output=OutputFigures(stride, WHITE * value, "white", {}, {}))
