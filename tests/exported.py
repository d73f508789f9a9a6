"""The residual of a learned network as an ONNX model."""

import numpy as np
import onnx
from models import model, node

from upsample_cli.kernels.network_weights import LEAK, ResidualNetwork


def exported(network: ResidualNetwork) -> onnx.ModelProto:
    """Return a model from luma with its halo, (1, 1, H, W), to the residual."""
    nodes = [node("Sub", "x middle", "a0")]
    tensors = {"middle": np.float32(0.5)}
    for number, (weights, bias) in enumerate(network.body):
        tensors |= {f"w{number}": weights, f"b{number}": bias}
        names = f"a{number} w{number} b{number}"
        nodes.append(node("Conv", names, f"c{number}"))
        nodes.append(node("LeakyRelu", f"c{number}", f"a{number + 1}", alpha=LEAK))
    stride, last = network.stride, len(network.body)
    # Output s r + i draws by tap s (1 - a) + i on input r + a, for a in -1, 0, 1.
    phases = network.head.reshape(stride, stride, -1, 3, 3)[..., ::-1, ::-1]
    tensors["head"] = phases.transpose(2, 3, 0, 4, 1).reshape(-1, 1, 3 * stride, 3 * stride)
    pads = [2 * stride] * 4  # where not all taps reach
    nodes.append(node("ConvTranspose", f"a{last} head", "y", strides=[stride] * 2, pads=pads))
    for one in nodes:
        one.name = one.output[0]
    return model(nodes, tensors)
