"""Interpolations in ONNX models: their scale, and how far they move the picture."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from models import model, node, saved

from upsample_cli.jobs.layer_figures import LayerFigures, figures
from upsample_cli.networks.onnx_model import layers


def only(made: onnx.ModelProto, folder: Path) -> LayerFigures:
    (figure,) = map(figures, layers(saved(made, folder)))
    return figure


@pytest.mark.parametrize("scale", [0.0, -2.0, 1e30, float("nan"), float("inf")])
def test_scales_that_cannot_be_are_unknown(tmp_path: Path, scale: float) -> None:
    """A damaged scale is none, as an input and as an attribute."""
    attributes = {"coordinate_transformation_mode": "asymmetric", "mode": "linear"}
    resize = node("Resize", "x - s", "y", **attributes)
    made = model([resize], {"s": np.float32([1, 1, scale, 2])})
    assert only(made, tmp_path).stride == ()
    made = model([node("Upsample", "x", "y", scales=[1.0, 1.0, scale, 2.0])], {}, 7)
    assert only(made, tmp_path).stride == ()
