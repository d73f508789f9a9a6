"""Maps that are flattened and given their shape again, as norms of groups of channels do."""

from pathlib import Path
from time import process_time

import numpy as np
from audits import layers
from models import model, node, saved
from onnx import helper


def test_long_rows_take_little_time(tmp_path: Path) -> None:
    """Groups of channels become axes of half a million numbers, of which a part is enough."""
    nodes = [
        node("Resize", "x - r", "u"), node("Reshape", "u groups", "g"),
        node("InstanceNormalization", "g scale bias", "n"), node("Shape", "u", "s"),
        node("Reshape", "n s", "y"),
    ]  # fmt: skip
    tensors = {
        "r": np.float32([1, 1, 4, 4]), "groups": np.array([0, 4, -1]),
        "scale": np.ones(4, np.float32), "bias": np.zeros(4, np.float32),
    }  # fmt: skip
    made = model(nodes, tensors)
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 32, 64, 64]))
    start = process_time()
    (layer,) = layers(saved(made, tmp_path))
    assert process_time() - start < 6
    assert (layer.kind, layer.stride) == ("resize", (4.0, 4.0))
