"""The methods `network`, our learned network, and `onnx`, any network in ONNX for pictures.

`network` enlarges by the learned linear kernel and adds to the luma what a network computes. Flat
pictures stay exactly as the kernel makes them, whatever the weights (`kernels/residual.py` has the
proof). `onnx` runs the user's network tile by tile. Both enlarge opacity by a kernel.
"""

from dataclasses import dataclass, field
from math import nan, prod
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods.method import RingingMethod, Stage, is_kernel_file, parameter
from upsample_cli.methods.strides import strides_for, with_reduction
from upsample_cli.process import cores

if TYPE_CHECKING:  # `upsample --help` must not wait for NumPy
    from upsample_cli.networks.enlargers.image_model import ImageModel
    from upsample_cli.planes import Size

_WIDEST = 256  # input columns of a tile at most: wider tiles do not fit the processor's cache
_STRIP = 128  # approximate output rows of a tile
# Rows of tiles to keep for the next stage: as many as one window draws on, and one more for each
# core, up to `_MOST_KEPT`.
_KEPT, _MOST_KEPT = 3, 8
_WIDE, _LOW = 6144, 32  # output columns above which tiles are low; input rows of a low tile
# Bytes for each pixel that the last network computes for a window; for each pixel of the tiles that
# are kept; and for each input pixel of one tile.
_OF_PIXEL, _OF_KEPT, _OF_FEATURES = 48, 28, 768
_TILE = 256  # input pixels along a tile's side
_SAMPLES = 1 << 20  # output pixels of a strip, about: each thread holds a few planes of them
_RANGES = ("auto", "1", "255", "-1")  # see RANGES of `picture_trial`
_PROVIDERS = ("cpu", "cuda", "coreml", "directml")


@dataclass(frozen=True, slots=True)
class NetworkMethod(RingingMethod):
    """A method that enlarges pictures by a network.

    Args:
        is_weighted: Whether the last plane is opacity, and the others are weighted by it.
    """

    is_linear = False
    neighbourhood = 3  # a smaller reach undoes sharpening: 0.07 dB or more at antiring 0.5
    is_weighted: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class LearnedNetwork(NetworkMethod):
    """Upsample by the learned kernel and a network that adds to the luma.

    Args:
        weights: `photo` (reduces mild noise and JPEG artifacts), `clean`, or the path of a .npz.
        ensemble: Whether to average over eight flips and rotations of the picture.
    """

    name = "network"
    summary = "learned kernel, and a network on its luma"
    weights: str = parameter(
        "photo", "weights of the network", choices=("photo", "clean"), file="a .npz file"
    )
    ensemble: bool = parameter(False, "average over eight flips and turns")

    def stages_before_antiring(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return one stage per network, and a reduction if their strides lead beyond `size_out`."""
        scale = max(after / before for before, after in zip(size_in, size_out, strict=True))
        stages, size = list[Stage](), size_in
        for stride in self._strides(scale):
            larger = size[0] * stride, size[1] * stride
            stages.append(self._stage(stride, size, larger != size_out))
            size = larger
        return with_reduction(tuple(stages), size, size_out)

    def rows_at_once(self, size: "Size", scale: float) -> int:
        """Return the last network's tile height in output rows; 0 if a reduction follows."""
        strides = self._strides(scale)
        if not strides or prod(strides) != scale:
            return 0
        return _rows(strides[-1], size[0] // strides[-1], size[1] // strides[-1]) * strides[-1]

    def memory(self, size_in: "Size", size_out: "Size", window: "Size", threads: int) -> int:
        """Return the bytes of each thread's window and features, and of the tiles that are kept."""
        strides = self._strides(max(size_out[0] / size_in[0], size_out[1] / size_in[1]))
        if not strides:
            return 0
        last, (height, width) = strides[-1], (n * prod(strides) for n in size_in)
        is_kept = len(strides) > 1 or (height, width) != tuple(size_out)
        rows = _rows(last, height // last, width // last, is_kept)
        # A reduction draws on more pixels than its window has.
        drawn = max(rows * last, window[0] * height / size_out[0])
        drawn *= window[1] * width / size_out[1]
        of_thread = drawn * _OF_PIXEL + rows * min(width // last, _WIDEST) * _OF_FEATURES
        tiles = min(_kept_rows(), height // (rows * last) + 2) if is_kept else 0
        kept = tiles * rows * last * width * _OF_KEPT
        return int(threads * of_thread) + kept

    def _strides(self, scale: float) -> tuple[int, ...]:
        """Return the strides whose product reaches a scale, in the order they are applied."""
        from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES
        from upsample_cli.kernels.network_weights import load_network

        if is_kernel_file(self.weights):
            return strides_for(scale, (load_network(self.weights).stride,))
        return strides_for(scale, SHIPPED_STRIDES)

    def _stage(self, stride: int, size: "Size", is_followed: bool) -> Stage:
        """Return the stage for pictures of `size`; it keeps tiles if a stage follows."""
        from upsample_cli.kernels.kernel_file import shipped
        from upsample_cli.kernels.network_weights import load_network
        from upsample_cli.kernels.residual import TileNetwork
        from upsample_cli.methods.residual_stage import BEYOND, ResidualStage

        rows, width = _rows(stride, *size, is_followed), size[1] + 2 * BEYOND * is_followed
        across = -(-width // _WIDEST)
        columns = -(-width // across)
        if self.ensemble:  # rotated tiles must be square
            columns = rows
            across = -(-width // columns)
        residual = TileNetwork.of(load_network(self.weights, stride), rows, columns)
        kernel = shipped("tconv", "learned", stride).kernel("learned")
        keep = across * _kept_rows() if is_followed else 0
        return ResidualStage(kernel, residual, self.ensemble, self.is_weighted, keep)


@dataclass(frozen=True, slots=True)
class OnnxNetwork(NetworkMethod):
    """Upsample by a network of the user's, in ONNX.

    Args:
        model: The path of a .onnx file.
        model_range: Its input range: 0..`1`, 0..`255` or `-1`..1; `auto` tries the first two.
        tile: Input pixels along the side of a tile, without the halo; 0 for a suitable size.
        halo: Input pixels to add around a tile; None finds by trial how many the network needs.
        edges: `own` if the network pads its layers at the picture's edges; `boundary` if the
            picture is extended beyond them.
        provider: The device that runs the network.
        ensemble: Whether to average over eight flips and rotations of the picture.
    """

    name = "onnx"
    summary = "a network of your own, from a file"
    model: str = parameter("", "ONNX file of the network", suffix=".onnx")
    model_range: str = parameter("auto", "white in the network; -1 for -1..1", choices=_RANGES)
    tile: int = parameter(0, "side of a tile in pixels, 0 for automatic", low=0, high=8192)
    halo: int | None = parameter(None, "input pixels to add around a tile", low=0, high=512)
    edges: str = parameter(
        "own", "edges as the network pads them, or --boundary", choices=("own", "boundary")
    )
    provider: str = parameter("cpu", "device to run the network on", choices=_PROVIDERS)
    ensemble: bool = parameter(False, "average over eight flips and turns")

    def check(self) -> None:
        """Raise a `SettingError` where no file is named."""
        NetworkMethod.check(self)
        if not self.model:
            raise SettingError("-m onnx needs a network; pass --model FILE.onnx")

    @property
    def own_scale(self) -> float:
        """The scale of the network."""
        return float(self._loaded().scale)

    @property
    def flat_ripple(self) -> float:
        """Ripple that the network adds to flat pictures: RMS over their level."""
        # Flips and turns exchange the phases: their mean is more even, by an unknown amount.
        return nan if self.ensemble else self._loaded().ripple

    def facts(self) -> dict[str, object]:
        """Return what was found out about the network, for JSON output."""
        return {"model": self._loaded().facts()}

    def notes(self) -> tuple[str, ...]:
        """Return what the user should know about the network."""
        return self._loaded().notes(self.tile)

    def pads(self, size: "Size") -> bool:
        """Return whether opaque pictures of this size come out alike, whatever is beyond them."""
        return self.edges == "own" and not self.antiring and self._loaded().pads(size)

    def stages_before_antiring(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return one stage per pass, and a reduction if they lead beyond `size_out`."""
        model = self._loaded()
        scale = max(after / before for before, after in zip(size_in, size_out, strict=True))
        (height, width), stages = size_in, []
        for stride in strides_for(scale, (model.scale,)):
            stages.append(self._stage(model, (height, width)))
            height, width = height * stride, width * stride
        return with_reduction(tuple(stages), (height, width), size_out)

    def rows_at_once(self, size: "Size", scale: float) -> int:
        """Return rows enough that the halo costs little, but few enough for memory and threads."""
        if self._loaded().is_global and max(size) <= self._loaded().whole * scale:
            return size[0]
        rows = min(_TILE * scale, size[0] / 4, _SAMPLES / size[1])
        return round(max(_TILE / 4 * scale, rows))

    def _loaded(self) -> "ImageModel":
        try:
            from upsample_cli.networks.enlargers.image_model import load
        except ModuleNotFoundError as error:
            raise SettingError(
                f"-m onnx needs {error.name}, which is not installed; "
                'pip install "upsample-cli[models]"'
            ) from error
        return load(self.model, self.provider, self.model_range, self.halo)

    def _stage(self, model: "ImageModel", size: "Size") -> Stage:
        """Return the stage of one pass over a picture of this size."""
        from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, shipped
        from upsample_cli.kernels.named import KERNELS
        from upsample_cli.methods.onnx_stage import OnnxStage

        side = self.tile or (model.whole if model.is_global else _TILE)
        height, width = (side, side)
        if model.size:
            height, width = (n - 2 * model.halo for n in model.size)
            if min(height, width) < 1:
                raise SettingError(
                    f"--halo {model.halo} leaves nothing of the {model.size[1]}x{model.size[0]} "
                    f"pixels that {self.model} takes; give {(min(model.size) - 1) // 2} or less"
                )
            if self.ensemble and height != width:
                raise SettingError(
                    f"--ensemble turns pictures, and {self.model} takes {model.size[1]}x"
                    f"{model.size[0]} alone; leave it out"
                )
        if model.scale in SHIPPED_STRIDES:
            kernel = shipped("tconv", "learned", model.scale).kernel("learned")
        else:
            kernel = KERNELS["bicubic"](model.scale)
        pads = self.edges == "own" and not model.border
        edges = size if pads else None
        return OnnxStage(kernel, model, (height, width), edges, self.ensemble, self.is_weighted)


def _kept_rows() -> int:
    """Return how many rows of tiles to keep, for the windows of all threads."""
    return _KEPT + min(cores(), _MOST_KEPT)


def _rows(stride: int, height: int, width: int, is_followed: bool = False) -> int:
    """Return the rows of a network's tile, for an input of this height and width."""
    from upsample_cli.methods.residual_stage import BEYOND

    # Layers are computed in groups of four rows; groups below the picture would be wasted.
    whole = -(-(height + 2 * BEYOND * is_followed) // 4) * 4
    return min(whole, _LOW if width * stride > _WIDE else 16 * round(_STRIP / 16 / stride))
