"""Weights that lie in files beside an ONNX model, linked or not, missing or out of its folder."""

from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from audits import WEIGHTS, layers, only
from models import model, node, saved
from onnx import TensorProto, helper

from upsample_cli.jobs.audit.layer_figures import LayerFigures, figures

UP = node("ConvTranspose", "x up.weight", "y", strides=[2, 2])


def told(path: Path) -> LayerFigures:
    """Return what is told of the one layer of a model."""
    (figure,) = map(figures, layers(str(path)))
    return figure


def far(name: str, shape: Sequence[int], **entries: str) -> TensorProto:
    """Return a tensor whose data lie where the entries tell, by default in weights.bin."""
    tensor = TensorProto(name=name, data_type=1, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, value in (entries or {"location": "weights.bin"}).items():
        tensor.external_data.add(key=key, value=value)
    return tensor


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


def test_data_of_constants_are_read_from_there_too(tmp_path: Path) -> None:
    """A Constant's data may lie there too; they were sought in the working folder."""
    constant = helper.make_node("Constant", [], ["w"], value=far("w", WEIGHTS.shape))
    (tmp_path / "weights.bin").write_bytes(WEIGHTS.tobytes())
    up = node("ConvTranspose", "x w", "y", strides=[2, 2])
    assert only(model([constant, up]), tmp_path) == only(model([up], {"w": WEIGHTS}), tmp_path)


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
        ({"offset": "0"}, "no file . beside the model"),
        ({"location": "weights.bin", "length": "385"}, "weights.bin has only 384 bytes"),
        ({"location": "weights.bin", "offset": "-1"}, "weights.bin has only 384 bytes"),
        ({"location": "weights.bin", "offset": "385"}, "weights.bin has only 384 bytes"),
        ({"location": "weights.bin", "offset": "a"}, "invalid literal"),
        ({"location": "weights.bin", "length": "380"}, "not the 384 of its shape"),
    ],
)
def test_data_outside_the_folder_or_file_are_unknown(
    tmp_path: Path, entries: dict[str, str], reason: str
) -> None:
    """What a model says leads to no place but below its folder, and to no more than is there."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(WEIGHTS.tobytes())
    made = model([UP], {"up.weight": far("up.weight", WEIGHTS.shape, **entries)})
    figure = told(Path(saved(made, tmp_path / "model")))
    assert (figure.verdict, reason in figure.remedy) == ("unknown", True), figure.remedy
