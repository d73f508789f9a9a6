"""A learned network: the picture by the learned linear kernel, and what a network adds to its luma.

The network sees luma less 1/2 and ends in a transposed convolution over the features it finds,
whose taps sum to 0 for each phase and feature: so a flat picture stays as the linear kernel has
it, flat to the last bit, whatever the weights. `kernels/residual.py` has the proof.
"""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from upsample_cli.errors import SettingError
from upsample_cli.methods.kernel_chain import composed, reduced, whole_stride
from upsample_cli.methods.method import RingingMethod, Stage, is_kernel_file, parameter

if TYPE_CHECKING:  # as in interpolation.py
    from upsample_cli.planes import Size

_WIDEST = 256  # input columns of a tile: larger ones leave the processor's cache
_STRIP = 128  # output rows of a tile, about; twice as many where enough strips are left to share
_TALL, _WIDE = 2048, 6144  # output pixels: where strips are that high, and where they are low


@dataclass(frozen=True, slots=True)
class LearnedNetwork(RingingMethod):
    """Upsample by the learned kernel and a network that adds to the luma.

    Args:
        weights: `photo` (mends mild noise and JPEG), `clean`, or the path of a .npz.
        ensemble: Whether to average over eight positions of the picture.
    """

    name = "network"
    summary = "learned kernel, and a network on its luma"
    is_linear = False
    neighbourhood = 3  # it sharpens on purpose: nearer bounds cost it 0.07 dB and more at 0.5
    weights: str = parameter(
        "photo", "weights of the network", choices=("photo", "clean"), file=True
    )
    ensemble: bool = parameter(False, "average over eight flips and turns")

    def free_stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return one stage a network, and a reduction where their strides lead beyond the size."""
        scale = max(after / before for before, after in zip(size_in, size_out, strict=True))
        stages: list[Stage] = []
        height, width = size_in
        for stride in self._strides(scale):
            stages.append(_stage(self.weights, stride, (height, width), self.ensemble))
            height, width = height * stride, width * stride
        return reduced(tuple(stages), (height, width), size_out)

    def rows_at_once(self, size: "Size", scale: float) -> int:
        """Return the rows that come of a row of tall tiles of the last network."""
        strides = self._strides(scale)
        reduction = prod(strides) / scale
        height, width = (round(n * reduction) for n in size)
        if not strides or height < _TALL or width > _WIDE:
            return 0
        return round(_rows(strides[-1], (height, width)) * strides[-1] / reduction)

    def _strides(self, scale: float) -> tuple[int, ...]:
        """Return the strides that reach a scale, in the order they are applied."""
        from upsample_cli.kernels.kernel_file import SHIPPED_STRIDES
        from upsample_cli.kernels.network_weights import load_network

        if not is_kernel_file(self.weights):
            return composed(scale, SHIPPED_STRIDES)
        stride = load_network(self.weights).stride
        strides, needed = composed(scale, (stride,)), whole_stride(scale)
        if scale == needed and prod(strides) != needed:
            raise SettingError(
                f"network {self.weights} has stride {stride}, but the scale is {needed}; "
                f"pass --scale {stride} or train one for {needed}"
            )
        return strides


def _rows(stride: int, size_out: "Size") -> int:
    """Return the input rows of a tile of a network, for an output of a size."""
    if size_out[1] > _WIDE:
        return 32
    return 16 * round(_STRIP / 16 / stride) * (2 if size_out[0] >= _TALL else 1)


def _stage(weights: str, stride: int, size: "Size", ensemble: bool) -> Stage:
    """Return the stage of a network for pictures of a size."""
    from upsample_cli.images.levels import LUMA
    from upsample_cli.kernels.kernel_file import shipped
    from upsample_cli.kernels.network_weights import load_network
    from upsample_cli.kernels.residual import NetworkStage, Residual

    rows, width = _rows(stride, (size[0] * stride, size[1] * stride)), size[1]
    columns = -(-width // -(-width // _WIDEST))
    if ensemble:  # tiles are turned
        columns = rows
    residual = Residual.of(load_network(weights, stride), rows, columns, ensemble)
    linear = shipped("tconv", "learned", stride).kernel("learned").stage()
    return NetworkStage(linear, residual, LUMA)
