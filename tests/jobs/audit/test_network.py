"""The audit of networks in a process of its own."""

from pathlib import Path

import models
import numpy as np
import PIL.Image
import pytest
from onnx import TensorProto, helper

from upsample_cli.errors import NetworkFileError, SettingError
from upsample_cli.jobs.audit import network


def test_a_network_is_audited_whole(tmp_path: Path) -> None:
    """Its layers, what the audit took, and no output where it takes no picture."""
    found = network.audit(models.saved(models.generator(), tmp_path))
    assert [layer.name for layer in found.layers] == ["up1", "up2", "up3", "up4"]
    assert found.output is None
    assert 0.0 < found.seconds < 30.0
    assert found.memory > 1 << 20


def test_errors_come_back_from_there(tmp_path: Path) -> None:
    """What is wrong with a file is told as it is."""
    with pytest.raises(NetworkFileError, match=r"no model file none.onnx; check the path"):
        network.audit("none.onnx")
    path = models.saved(models.generator(), tmp_path)
    with pytest.raises(
        SettingError, match="does not turn pictures into pictures; leave --pictures out"
    ):
        network.audit(path, (path,))


def test_a_crash_or_a_long_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that stops onnxruntime, or never ends, does not stop the command."""
    path = models.saved(models.generator(), tmp_path)
    monkeypatch.setattr(network, "SECONDS", 0.0)
    with pytest.raises(NetworkFileError, match="takes longer than 0 s; audit a part of it"):
        network.audit(path)


def test_a_large_sparse_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """External data of another length than their shape's take no memory."""
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(3 << 30)
    weights = TensorProto(name="w", data_type=1, dims=[2, 3, 4, 4], data_location=1)
    weights.external_data.add(key="location", value="weights.bin")
    up = models.node("ConvTranspose", "x w", "y", strides=[2, 2])
    found = network.audit(models.saved(models.model([up], {"w": weights}), tmp_path))
    assert found.layers[0].remedy == (
        "the data of 'w' cannot be read (it has 3221225472 bytes, not the 384 of its shape)"
    )
    assert found.memory < 300 << 20


def test_photographs_are_run_through_it(tmp_path: Path) -> None:
    """The middle of each, of the size that the network takes."""
    picture = Path(__file__).parents[3] / "sample_images" / "coffee.png"
    weights = np.zeros((3, 3, 3, 3), np.float32)
    weights[range(3), range(3)] = 4 / 9
    up = models.node("ConvTranspose", "x w", "y", strides=[2, 2], pads=[1, 1, 0, 0])
    made = models.model([up], {"w": weights})
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 3, "h", "w"]))
    output = network.audit(models.saved(made, tmp_path), (str(picture),)).output
    assert output is not None
    assert output.pictures[str(picture)] > 5.0
    assert output.most == max(output.levels, output.pictures[str(picture)])


def test_networks_for_luma_get_the_luma_of_photographs(tmp_path: Path) -> None:
    """Green has 0.587 of the luma of white, and so of its pattern."""
    weights = np.full((1, 1, 3, 3), 0.3, np.float32)  # no phase is clipped
    up = models.node("ConvTranspose", "x w", "y", strides=[2, 2], pads=[1, 1, 0, 0])
    made = models.model([up], {"w": weights})
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 1, "h", "w"]))
    found = []
    for colour in ((0, 200, 0), (117, 117, 117)):  # 200 * 0.587
        PIL.Image.new("RGB", (140, 140), colour).save(tmp_path / "flat.png")
        output = network.audit(models.saved(made, tmp_path), (str(tmp_path / "flat.png"),)).output
        assert output is not None
        found.append(output.pictures[str(tmp_path / "flat.png")])
    assert found[0] > 5
    assert found[0] == pytest.approx(found[1], rel=5e-3)


def test_layers_are_kept_where_pictures_take_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pattern in the output of a large network is unknown then, and neither 0 nor an error."""
    monkeypatch.setattr(network, "_FLAT_SECONDS", 0.0)
    monkeypatch.setattr(network, "_limit_memory", lambda: None)
    up = models.node("ConvTranspose", "x w", "y", strides=[2, 2])
    made = models.model([up], {"w": np.ones((3, 3, 2, 2), np.float32)})
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 3, "h", "w"]))
    result = network.in_this_process(models.saved(made, tmp_path))
    assert [layer.verdict for layer in result.layers] == ["none"]
    assert result.output is not None
    assert (result.output.verdict, result.output.flat) == ("unknown", {})


@pytest.mark.parametrize("first", ["even", "features", "uneven"])
def test_the_worst_of_several_outputs_is_judged(tmp_path: Path, first: str) -> None:
    """A picture after another picture, or after features, is no less a picture."""
    uneven = np.zeros((3, 3, 3, 3), np.float32)
    uneven[range(3), range(3)] = 4 / 9
    up = models.node("ConvTranspose", "x w", "uneven", strides=[2, 2], pads=[1, 1, 0, 0])
    nodes = [up, models.node("Resize", "x - s", "even"), models.node("Conv", "x k", "features")]
    tensors = {"w": uneven, "s": np.float32([1, 1, 2, 2]), "k": np.ones((8, 3, 1, 1), np.float32)}
    made = models.model(nodes, tensors, out=first)
    others = sorted({"even", "features", "uneven"} - {first})
    made.graph.output.extend(helper.make_tensor_value_info(name, 1, None) for name in others)
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, [1, 3, "h", "w"]))
    output = network.audit(models.saved(made, tmp_path)).output
    assert output is not None
    assert output.levels == pytest.approx(0.48432 * 0.9 * 255, rel=1e-3)
    assert output.worst == "grey 0.9 of uneven"
