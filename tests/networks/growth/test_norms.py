"""Maps that are flattened and given their shape again, as norms of groups of channels do."""

from pathlib import Path

import numpy as np
import pytest
from audits import layers
from models import model, node, saved
from onnx import helper


def test_of_long_rows_a_part_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of channels become axes of half a million numbers; few of their steps are compared."""
    compared, is_finite = [0], np.isfinite

    def counted(values: np.ndarray) -> np.ndarray:
        compared[0] += np.size(values)
        return is_finite(values)

    monkeypatch.setattr(np, "isfinite", counted)
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
    (layer,) = layers(saved(made, tmp_path))
    assert (layer.kind, layer.stride) == ("resize", (4.0, 4.0))
    assert compared[0] < 2e7  # 8.5e6; of all numbers 4.9e8
