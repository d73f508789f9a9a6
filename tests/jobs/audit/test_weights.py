"""Weights without a graph, of pictures of one to three axes."""

from pathlib import Path

import numpy as np
import pytest
from safetensors_file import safetensors

from upsample_cli.errors import SettingError
from upsample_cli.jobs.audit.weights import FileOptions, layers_of


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return a file of weights: of a vocoder, of pictures and of volumes."""
    shapes = {"up.1": (2, 3, 4), "up.2": (2, 3, 4, 4), "up.3": (16, 3, 4, 4, 4), "fc": (2, 3)}
    made = {f"{name}.weight": np.ones(shape, np.float32) for name, shape in shapes.items()}
    file = tmp_path / "net.safetensors"
    file.write_bytes(safetensors(made))
    return str(file)


def test_all_weights_that_match_are_layers(path: str) -> None:
    """One number is the stride, and the padding, along every axis; none is passed over."""
    found = layers_of(path, FileOptions((2, 2), (1, 1), "up*"))
    assert [(each.name, each.stride, each.shift) for each in found] == [
        ("up.1", (2,), (0.0,)), ("up.2", (2, 2), (0.0,) * 2), ("up.3", (2,) * 3, (0.0,) * 3),
    ]  # fmt: skip
    (layer,) = layers_of(path, FileOptions((2, 2), None, "up.3", "sub-pixel"))
    assert layer.gains is not None
    assert layer.gains.shape == (2, 3, 2, 2, 2)


@pytest.mark.parametrize(("stride", "padding"), [((2, 1), None), ((2, 2), (1, 0))])
def test_a_pair_is_for_two_axes(
    path: str, stride: tuple[int, int], padding: tuple[int, int] | None
) -> None:
    """Down and across mean nothing along one axis, nor along three."""
    assert layers_of(path, FileOptions(stride, padding, "up.2"))[0].stride == stride
    with pytest.raises(SettingError, match=r"is for two axes, and 'up\.1' has 1; give one"):
        layers_of(path, FileOptions(stride, padding, "up*"))
