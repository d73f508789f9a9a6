"""ONNX models as a whole: which layers are told, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from audits import NORM, WEIGHTS, found, layers, normal, only, shuffle
from models import Array, model, node

from upsample_cli.errors import NetworkFileError
from upsample_cli.jobs.audit.layer_figures import figures


@pytest.mark.parametrize(
    ("nodes", "tensors", "reason"),
    [
        ([node("ConvTranspose", "x w", "y")], {}, "'w' is an input of the model"),
        ([node("ConvTranspose", "x", "y")], {}, "has input size 1"),
        ([node("Erf", "x", "w"), node("ConvTranspose", "x w", "y")], {},
         "worked out of the model's input by Erf"),
        ([node("ConvTranspose", "x w", "y")], {"w": normal(2, 2)},
         "must have at least 3 dimensions"),
        ([node("ConvTranspose", "x w", "y", strides=[2])], {"w": WEIGHTS}, "does not match"),
        ([node("ConvTranspose", "x w", "y", strides=[0, 2])], {"w": WEIGHTS},
         "its strides [0, 2] are impossible"),
        ([node("ConvTranspose", "x w", "y", strides=[4096, 4096])], {"w": WEIGHTS},
         "its 16777216 phases are too many to judge"),
        ([node("ConvTranspose", "x w", "y", group=3)], {"w": WEIGHTS}, "not divisible by group"),
        ([node("ConvTranspose", "x w", "y", group="a")], {"w": WEIGHTS},
         "Expected: 'INT', actual: 'STRING'"),
        ([node("ConvTranspose", "x w", "y")], {"w": WEIGHTS * np.inf}, "holds NaN or infinity"),
        ([node("DepthToSpace", "x", "y", blocksize=2)], {}, "no convolution stands before it"),
        ([node("Conv", "x w", "c"), node("DepthToSpace", "c", "y")], {"w": WEIGHTS},
         "'blocksize' is missing"),
        (
            [node("Conv", "x w", "c"), node("DepthToSpace", "c", "y", blocksize=2)],
            {"w": normal(6, 3, 3, 3)}, "requires input depth to be a multiple",
        ),
        ([node("Col2Im", "x i b", "y")], {}, "'i' is an input of the model"),
        ([node("MaxUnpool", "x i", "y", kernel_shape=[2, 2])], {}, "'i' is an input of the model"),
        (
            [node("Identity", "b", "a"), node("Identity", "a", "b"),
             node("ConvTranspose", "x a", "y")],
            {}, "it does not run",
        ),
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


@pytest.mark.parametrize("data", [b"", b"text\n", b"PK\x03\x04" + bytes(40), bytes(range(256))])
def test_what_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    """Nothing, text or other files are no models."""
    path = tmp_path / "odd.onnx"
    path.write_bytes(data)
    with pytest.raises(
        NetworkFileError, match=r"odd.onnx (is not an ONNX model|holds no layers); "
    ):
        layers(str(path))


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    """So is a path where there is nothing, or a folder."""
    with pytest.raises(NetworkFileError, match=r"no model file nowhere.onnx; check the path"):
        layers("nowhere.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(NetworkFileError, match="is not an ONNX model"):
        layers(str(tmp_path / "folder.onnx"))


def test_damage_is_told_and_never_a_traceback(tmp_path: Path, rng: np.random.Generator) -> None:
    """Whatever bytes of a model are wrong, it is refused or its layers are told."""
    nodes, tensors = shuffle("CRD", "dynamic")
    nodes = [
        node("Identity", "v", "w0"),
        node("ConvTranspose", "x w0", "t", strides=[2, 2], pads=[1] * 4, output_padding=[1, 1]),
        node("Conv", "t k", "a", pads=[1] * 4),
        node("BatchNormalization", "a g o m1 v1", "c"),
        *nodes,
        node("Resize", "y - scales", "z"),
    ]
    tensors |= {
        "g": NORM["g"],
        "o": NORM["o"],
        "m1": NORM["m"],
        "v": normal(2, 2, 3, 3),
        "k": normal(12, 2, 3, 3),
        "v1": NORM["v"],
    }
    made = model(nodes, tensors | {"scales": np.float32([1, 1, 2, 2])}, out="z")
    whole = made.SerializeToString()
    assert len(found(made, tmp_path)) == 3
    path, told = tmp_path / "damaged.onnx", 0
    for _ in range(40):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        path.write_bytes(data[: rng.integers(1, len(data))] if rng.random() < 0.2 else data)
        try:
            told += len([figures(layer) for layer in layers(str(path))])
        except NetworkFileError:
            continue
    assert told > 40
