"""ONNX models as a whole: which layers are told, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import NORM, WEIGHTS, found, normal, only, shuffle
from models import Array, model, node, saved
from onnx import TensorProto

from upsample_cli.errors import NetworkFileError
from upsample_cli.jobs.audit.layer_figures import figures
from upsample_cli.networks import constants, onnx_model
from upsample_cli.networks.graph import Graph
from upsample_cli.networks.onnx_model import layers


@pytest.mark.parametrize(
    ("nodes", "tensors", "reason"),
    [
        ([node("ConvTranspose", "x w", "y")], {}, "'w' is an input of the model"),
        ([node("ConvTranspose", "x", "y")], {}, "it is not given"),
        ([node("Erf", "x", "w"), node("ConvTranspose", "x w", "y")], {}, "worked out by Erf"),
        ([node("ConvTranspose", "x w", "y")], {"w": normal(2, 2)}, "its weights have shape (2, 2)"),
        ([node("ConvTranspose", "x w", "y", strides=[2])], {"w": WEIGHTS}, "its strides has 1"),
        ([node("ConvTranspose", "x w", "y", strides=[0, 2])], {"w": WEIGHTS}, "are out of range"),
        ([node("ConvTranspose", "x w", "y", strides=[4096, 4096])], {"w": WEIGHTS},
         "its 16777216 phases of 2 x 3 channels are too many to judge"),
        ([node("ConvTranspose", "x w", "y", group=3)], {"w": WEIGHTS}, "do not fall into 3 groups"),
        ([node("ConvTranspose", "x w", "y", group="a")], {"w": WEIGHTS}, "its group is no int"),
        ([node("ConvTranspose", "x w", "y")], {"w": WEIGHTS * np.inf}, "holds NaN or infinity"),
        ([node("DepthToSpace", "x", "y", blocksize=2)], {}, "no convolution stands before it"),
        ([node("Conv", "x w", "c"), node("DepthToSpace", "c", "y")], {"w": WEIGHTS}, "worked out"),
        (
            [node("Conv", "x w", "c"), node("DepthToSpace", "c", "y", blocksize=2)],
            {"w": normal(6, 3, 3, 3)}, "6 channels make no blocks of (2, 2)",
        ),
        ([node("MatMul", "x w", "c"), node("DepthToSpace", "c", "y", blocksize=2)],
         {"w": WEIGHTS}, "no convolution stands before it, but MatMul"),
        ([node("Col2Im", "x i b", "y")], {}, "adds up patches that overlap"),
        ([node("MaxUnpool", "x i", "y", kernel_shape=[2, 2])], {}, "depends on the picture"),
        (
            [node("Identity", "b", "a"), node("Identity", "a", "b"),
             node("ConvTranspose", "x a", "y")],
            {}, "worked out by too many nodes",
        ),
        ([node("Reshape", "v s", "w"), node("ConvTranspose", "x w", "y")],
         {"v": WEIGHTS, "s": np.array([7, 7])}, "'w' cannot be worked out"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(
    tmp_path: Path, nodes: list[onnx.NodeProto], tensors: dict[str, Array], reason: str
) -> None:
    """A layer without figures is told with its reason, never left out."""
    figure = only(model(nodes, tensors), tmp_path)
    assert (figure.verdict, figure.ripple, figure.worst_channel) == ("unknown", None, None)
    assert figure.kind in ("tconv", "sub-pixel", "Col2Im", "MaxUnpool")
    assert reason in figure.remedy


def test_reductions_are_no_upsampling(tmp_path: Path) -> None:
    """A Resize that shrinks is left out, and so are plain convolutions and transpositions."""
    nodes = [
        node("Conv", "x w", "c", strides=[2, 2]),
        node("Transpose", "c", "t", perm=[0, 2, 3, 1]),
        node("Transpose", "t", "u", perm=[0, 3, 1, 2]),
        node("Resize", "u - s", "y"),
    ]
    tensors = {"s": np.float32([1, 1, 0.5, 0.5]), "w": normal(3, 2, 3, 3)}
    assert found(model(nodes, tensors), tmp_path) == []


def test_weights_of_too_many_phases_are_not_read(tmp_path: Path) -> None:
    """That 512 x 512 channels of 16 x 16 phases are too many is told without their data."""
    far = TensorProto(data_type=1, dims=[512, 512, 16, 16], data_location=TensorProto.EXTERNAL)
    made = model([node("ConvTranspose", "x w", "y", strides=[16, 16])], {"w": far})
    assert only(made, tmp_path).remedy == (
        "its 256 phases of 512 x 512 channels are too many to judge"
    )


def test_weights_are_read_layer_by_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights are read before those of the layer before are judged, nor kept thereafter."""
    read: list[str] = []

    def floats(graph: Graph, name: str) -> Array:
        read.append(name)
        return constants.floats(graph, name)

    monkeypatch.setattr(onnx_model, "floats", floats)
    ups = [node("ConvTranspose", f"{x} {w}", y) for x, w, y in ("xay", "ybz")]
    found = layers(saved(model(ups, {"a": WEIGHTS, "b": normal(3, 3, 3, 3)}), tmp_path))
    assert (next(found).stride, read) == ((1, 1), ["a"])
    assert (next(found).stride, read) == ((1, 1), ["a", "b"])


@pytest.mark.parametrize("data", [b"", b"text\n", b"PK\x03\x04" + bytes(40), bytes(range(256))])
def test_what_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    """Nothing, text or other files are no models."""
    path = tmp_path / "odd.onnx"
    path.write_bytes(data)
    with pytest.raises(NetworkFileError, match=r"odd.onnx (is no ONNX model|holds no network); "):
        layers(str(path))


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    """So is a path where there is nothing, or a folder."""
    with pytest.raises(NetworkFileError, match=r"no file nowhere.onnx; check the path"):
        layers("nowhere.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(NetworkFileError, match="is no ONNX model"):
        layers(str(tmp_path / "folder.onnx"))


def test_damage_is_told_and_never_a_traceback(tmp_path: Path, rng: np.random.Generator) -> None:
    """Whatever bytes of a model are wrong, it is refused or its layers are told."""
    nodes, tensors = shuffle("CRD", "dynamic")
    nodes = [
        node("Identity", "v", "w"),
        node("ConvTranspose", "x w", "t", strides=[2, 2], pads=[1] * 4),
        node("Conv", "t k", "a", pads=[1] * 4),
        node("BatchNormalization", "a g o m v1", "c"),
        *nodes,
        node("Resize", "y - scales", "z"),
    ]
    tensors |= NORM | {"v": normal(2, 2, 3, 3), "k": normal(12, 2, 3, 3), "v1": NORM["v"]}
    made = model(nodes, tensors | {"scales": np.float32([1, 1, 2, 2])}, out="z")
    whole = made.SerializeToString()
    assert len(found(made, tmp_path)) == 3
    path, told = tmp_path / "damaged.onnx", 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        path.write_bytes(data[: rng.integers(1, len(data))] if rng.random() < 0.2 else data)
        try:
            told += len([figures(layer) for layer in layers(str(path))])
        except NetworkFileError:
            continue
    assert told > 300
