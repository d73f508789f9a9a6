"""Weights that lie in files beside an ONNX model, linked or not, missing or out of its folder."""

from pathlib import Path

import onnx
import pytest
from audits import WEIGHTS, only
from models import model, node, saved
from onnx import TensorProto

from upsample_cli.jobs.layer_figures import LayerFigures, figures
from upsample_cli.networks.onnx_model import layers

UP = node("ConvTranspose", "x up.weight", "y", strides=[2, 2])


def told(path: Path) -> LayerFigures:
    """Return what is told of the one layer of a model."""
    (figure,) = map(figures, layers(str(path)))
    return figure


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return the path of a model whose weights lie beside it."""
    path = tmp_path / "outside.onnx"
    made = model([UP], {"up.weight": WEIGHTS})
    onnx.save(made, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def test_external_data_are_read_from_beside_the_model(tmp_path: Path, outside: Path) -> None:
    """Weights may lie in a file of their own; without it the layer is unknown, and says so."""
    assert told(outside) == only(model([UP], {"up.weight": WEIGHTS}), tmp_path)
    (tmp_path / "weights.bin").unlink()
    missing = told(outside)
    assert (missing.name, missing.verdict) == ("up", "unknown")
    assert missing.remedy == (
        "the data of 'up.weight' cannot be read (no file weights.bin beside the model)"
    )


@pytest.mark.parametrize("hard", [False, True])
def test_links_are_followed(tmp_path: Path, outside: Path, hard: bool) -> None:
    """A cache has a model and its data under other names, and links of their own names to them."""
    expected = told(outside)
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for number, name in enumerate(("outside.onnx", "weights.bin")):
        blob = (tmp_path / name).rename(tmp_path / f"blob{number}")
        if hard:
            (snapshot / name).hardlink_to(blob)
        else:
            (snapshot / name).symlink_to(Path("..", blob.name))
    assert told(snapshot / "outside.onnx") == expected


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"location": "../model/weights.bin"}, "lies outside the model's folder"),
        ({"location": "/weights.bin"}, "lies outside the model's folder"),
        ({"location": "."}, "no file . beside the model"),
        ({"location": "a\0b"}, "beside the model"),
        ({}, "no file . beside the model"),
        ({"location": "weights.bin", "length": "385"}, "weights.bin has only 384 bytes"),
        ({"location": "weights.bin", "offset": "-1"}, "weights.bin has only 384 bytes"),
        ({"location": "weights.bin", "offset": "385"}, "weights.bin has only 384 bytes"),
        ({"location": "weights.bin", "offset": "a"}, "invalid literal"),
        ({"location": "weights.bin", "length": "380"}, "are damaged"),
    ],
)
def test_data_outside_the_folder_or_file_are_unknown(
    tmp_path: Path, entries: dict[str, str], reason: str
) -> None:
    """What a model says leads to no place but below its folder, and to no more than is there."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(WEIGHTS.tobytes())
    far = TensorProto(data_type=1, dims=WEIGHTS.shape, data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        far.external_data.add(key=key, value=value)
    figure = told(Path(saved(model([UP], {"up.weight": far}), tmp_path / "model")))
    assert (figure.verdict, reason in figure.remedy) == ("unknown", True), figure.remedy
