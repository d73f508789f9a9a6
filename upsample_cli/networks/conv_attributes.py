"""The numbers of an ONNX convolution or what is one: strides, dilations, groups, padding before."""

from dataclasses import dataclass

from onnx import NodeProto

from upsample_cli.networks.graph import attribute, span
from upsample_cli.networks.unreadable import UnreadableError

_LARGEST = 4096  # of any of them: more is damage


@dataclass(frozen=True, slots=True)
class Spans:
    """The numbers of a convolution, one an axis.

    Args:
        stride: Of the node.
        dilation: Of the node.
        padding: Before the first row, column, ...; None where it follows from the input's size.
        groups: Runs of channels that do not mix.
    """

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...] | None
    groups: int

    def move(self, size: tuple[int, ...]) -> tuple[float, ...] | None:
        """Return how far a convolution moves the picture, in pixels along each axis.

        Args:
            size: Taps along each axis of its kernel.

        Returns:
            None where its padding is unknown or it leaves out pixels.
        """
        if self.padding is None or set(self.stride) != {1}:
            return None
        along = zip(self.padding, self.dilation, size, strict=True)
        return tuple(p - d * (k - 1) / 2 for p, d, k in along)


def spans(node: NodeProto, size: tuple[int, ...]) -> Spans:
    """Return the numbers of a convolution, and those that a linear layer or a mean has as one.

    Args:
        node: A Conv, a ConvTranspose, an AveragePool, a Gemm or a MatMul.
        size: Taps along each axis of its kernel.

    Raises:
        UnreadableError: Numbers that cannot be.

    Source: ONNX operators Conv, ConvTranspose and AveragePool, version 22.
    """
    ones = (1,) * len(size)
    stride, dilation = span(node, "strides", ones), span(node, "dilations", ones)
    groups = attribute(node, "group", 1)
    if not all(1 <= each <= _LARGEST for each in (*stride, *dilation, groups)):
        raise UnreadableError("its strides, dilations or groups are out of range")
    return Spans(stride, dilation, _padding(node, size, stride, dilation), groups)


def _padding(
    node: NodeProto, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, ...] | None:
    none = (0,) * len(size)
    automatic = attribute(node, "auto_pad", "NOTSET")
    turned = node.op_type == "ConvTranspose"
    if turned and any(each.name == "output_shape" for each in node.attribute):
        return None
    if automatic not in ("SAME_UPPER", "SAME_LOWER"):
        return span(node, "pads", none * 2)[: len(size)] if automatic == "NOTSET" else none
    if not turned and set(stride) != {1}:
        return None
    extra = span(node, "output_padding", none) if turned else none
    reaches = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    # Without an output shape "same" means stride times the input's size.
    totals = [max(0, e + x - s) for e, x, s in zip(reaches, extra, stride, strict=True)]
    lower = automatic == "SAME_LOWER"
    return tuple((total + 1) // 2 if lower else total // 2 for total in totals)
