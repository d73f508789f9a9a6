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

_WIDEST = 128  # input columns of a tile: larger ones leave the processor's cache


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
            stages.append(_stage(self.weights, stride, width, self.ensemble))
            height, width = height * stride, width * stride
        return reduced(tuple(stages), (height, width), size_out)

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


def _stage(weights: str, stride: int, width: int, ensemble: bool) -> Stage:
    """Return the stage of a network for pictures of a width."""
    from upsample_cli.images.levels import LUMA
    from upsample_cli.kernels.kernel_file import shipped
    from upsample_cli.kernels.network_weights import load_network
    from upsample_cli.kernels.residual import NetworkStage, Residual

    columns = -(-width // -(-width // _WIDEST))
    # Strips of pictures are multiples of these rows, and those of wide ones are lower.
    rows = 16 * round(8 / stride) if width * stride <= 6144 else 32
    if ensemble:  # tiles are turned
        columns = rows
    residual = Residual.of(load_network(weights, stride), rows, columns, ensemble)
    linear = shipped("tconv", "learned", stride).kernel("learned").stage()
    return NetworkStage(linear, residual, LUMA)
