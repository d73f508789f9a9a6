"""Any network in ONNX that enlarges pictures, tile by tile; opacity by the learned kernel.

A tile is cut out with what the network draws on around it, its halo, so that tiles meet without a
seam. Beyond the edges lies what the boundary says, not the zeros of the network's own padding.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods.kernel_chain import composed, reduced
from upsample_cli.methods.method import RingingMethod, Stage, parameter

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.networks.enlargers.image_model import ImageModel
    from upsample_cli.planes import Size

_TILE, _GLOBAL_TILE = 256, 1024  # input pixels along a side
_RANGES = {"auto": None, "1": 1.0, "255": 255.0}
_PROVIDERS = ("cpu", "cuda", "coreml", "directml")


@dataclass(frozen=True, slots=True)
class OnnxNetwork(RingingMethod):
    """Upsample by a network of the user's.

    Args:
        model: The path of a .onnx file.
        model_range: What it takes for white; `auto` finds out.
        tile: Input pixels along the side of a tile, 0 for what suits.
        halo: Input pixels around a tile that it draws on; None finds out.
        provider: What runs it.
        ensemble: Whether to average what it makes of the picture in eight positions.
    """

    name = "onnx"
    summary = "a network of your own, from a file"
    is_linear = False
    neighbourhood = 3  # as of `network`
    model: str = parameter("", "network file to enlarge by", suffix=".onnx")
    model_range: str = parameter("auto", "level of white in the network", choices=(*_RANGES,))
    tile: int = parameter(0, "side of a tile in input pixels", low=0, high=8192)
    halo: int | None = parameter(None, "input pixels around a tile", low=0, high=512)
    provider: str = parameter("cpu", "device that runs the network", choices=_PROVIDERS)
    ensemble: bool = parameter(False, "average over eight flips and turns")

    def check(self) -> None:
        """Raise a `SettingError` where no file is named."""
        RingingMethod.check(self)
        if not self.model:
            raise SettingError("-m onnx needs a network; pass --model FILE.onnx")

    @property
    def own_scale(self) -> float:
        """The scale of the network."""
        return float(self._loaded().scale)

    @property
    def flat_ripple(self) -> float:
        """What the network makes of flat pictures: the RMS of the pattern over their level."""
        return self._loaded().ripple

    def facts(self) -> dict[str, object]:
        """Return what was found out of the network, for programs."""
        return {"model": self._loaded().facts()}

    def notes(self) -> tuple[str, ...]:
        """Return a note where tiles may differ."""
        if not self._loaded().is_global:
            return ()
        return ("its network sees the whole picture, so tiles may differ; see --tile and --halo",)

    def free_stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return a stage for each pass, and a reduction where they lead beyond the size."""
        model = self._loaded()
        scale = max(after / before for before, after in zip(size_in, size_out, strict=True))
        passes = len(composed(scale, (model.scale,)))
        grown = model.scale**passes
        stages: tuple[Stage, ...] = (self._stage(model),) * passes
        return reduced(stages, (size_in[0] * grown, size_in[1] * grown), size_out)

    def rows_at_once(self, size: "Size", scale: float) -> int:
        """Return rows that are worth their halo, and leave some strips to share among threads."""
        return round(min(_TILE, max(_TILE / 4, size[0] / scale / 4)) * scale)

    def _loaded(self) -> "ImageModel":
        try:
            from upsample_cli.networks.enlargers.image_model import load
        except ModuleNotFoundError as error:
            raise SettingError(
                f"-m onnx needs {error.name}, which is not installed; "
                'pip install "upsample-cli[models]"'
            ) from error
        return load(self.model, self.provider, _RANGES[self.model_range], self.halo)

    def _stage(self, model: "ImageModel") -> Stage:
        """Return the stage of one pass."""
        from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES, shipped
        from upsample_cli.kernels.named import bicubic
        from upsample_cli.methods.onnx_stage import OnnxStage

        side = self.tile or (_GLOBAL_TILE if model.is_global else _TILE)
        tall, wide = (side, side)
        if model.size:
            tall, wide = (max(1, n - 2 * model.halo) for n in model.size)
            if self.ensemble and tall != wide:
                raise SettingError(
                    f"--ensemble turns pictures, and {self.model} takes {model.size[1]}x"
                    f"{model.size[0]} alone; leave it out"
                )
        is_learned = model.scale in SHIPPED_STRIDES
        linear = (
            shipped("tconv", "learned", model.scale).kernel("learned")
            if is_learned
            else bicubic(model.scale)
        )
        return OnnxStage(model, linear.stage(), tall, wide, self.ensemble)
