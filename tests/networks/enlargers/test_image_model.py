"""What is found out of a network that enlarges pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from enlargers import (
    classifier,
    denoiser,
    enlarger,
    one_and_a_half,
    two_inputs,
    two_pictures,
    written,
)
from onnx.reference import ReferenceEvaluator
from strategies import random_planes

from upsample_cli.errors import SettingError
from upsample_cli.networks.enlargers.image_model import load

FORMS: list[dict[str, Any]] = [
    {}, {"channels": 1}, {"layout": "NHWC"}, {"layout": "NHWC", "channels": 1},
    {"dtype": np.float16}, {"white": 255}, {"white": 255, "layout": "NHWC"},
    {"white_out": 255}, {"white": 255, "white_out": 1}, {"signed": "output"},
    {"size": (40, 56)}, {"size": (64, 64), "white": 255}, {"border": 5}, {"border": 14},
    {"size": (40, 56), "border": 5}, {"size": (64, 64), "border": 14, "white": 255},
    {"multiple": 4}, {"multiple": 16}, {"multiple": 3}, {"multiple": 7}, {"multiple": 12},
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_form_is_found_out(form: dict[str, Any], tmp_path: Path) -> None:
    """Scale, channels, range, layout, type, size, border and multiple are those of the network."""
    found = load(written(enlarger(**form), tmp_path), "cpu", "auto", None)
    expected = {"scale": 2, "channels": 3, "layout": "NCHW", "size": None, "border": 0,
                "multiple": 1, "is_global": False} | form  # fmt: skip
    white = expected.pop("white", 1)
    expected |= {"takes": (0, white), "gives": (0, expected.pop("white_out", white))}
    if expected.pop("signed", ""):
        expected["gives"] = (-1, 1)
    expected["dtype"] = np.dtype(expected.get("dtype", np.float32)).name
    assert found.facts().items() >= expected.items()
    assert found.halo == max(1, -(-form.get("border", 0) // 2))
    assert found.ripple < 1e-3


def test_what_it_makes_is_as_onnx_defines_it(tmp_path: Path) -> None:
    """A picture comes out as by onnx's own reference, whatever the layout and the range."""
    planes = np.random.default_rng(0).random((3, 9, 11), np.float32)
    reference = ReferenceEvaluator(enlarger())
    (expected,) = reference.run(None, {"x": planes[None]})
    forms: list[dict[str, Any]] = [
        {}, {"layout": "NHWC"}, {"dtype": np.float16}, {"white": 255}, {"white_out": 255},
        {"signed": "output"}, {"signed": "both"},
    ]  # fmt: skip
    for number, form in enumerate(forms):
        takes = "-1" if form == {"signed": "both"} else "auto"
        model = load(written(enlarger(**form), tmp_path, f"{number}.onnx"), "cpu", takes, None)
        np.testing.assert_allclose(model.run(planes), expected[0], atol=2 / 255)


@pytest.mark.parametrize("is_last", [True, False])
def test_the_largest_output_is_the_enlarged_picture(is_last: bool, tmp_path: Path) -> None:
    """Networks may also give the small picture, or features of it."""
    model, planes = enlarger(), random_planes(3, 40, 30, 1)
    expected = load(written(model, tmp_path), "cpu", "1", None).run(planes)
    small = onnx.helper.make_tensor_value_info("small", onnx.TensorProto.FLOAT, [1, 3, "h", "w"])
    model.graph.node.append(
        onnx.helper.make_node("Identity", [model.graph.input[0].name], ["small"])
    )
    model.graph.output.insert(len(model.graph.output) * is_last, small)
    one = load(written(model, tmp_path, "both.onnx"), "cpu", "1", None)
    assert one.scale == 2
    assert np.array_equal(one.run(planes), expected)


def test_weights_that_were_left_behind_are_named(tmp_path: Path) -> None:
    """A model without the file of its weights is refused in the words of an audit."""
    path, data = tmp_path / "net.onnx", "net.onnx.data"
    onnx.save(enlarger(), path, save_as_external_data=True, location=data, size_threshold=0)
    assert load(str(path), "cpu", "auto", None).scale == 2
    alone = tmp_path / "alone.onnx"
    path.rename(alone)
    (tmp_path / data).unlink()
    with pytest.raises(SettingError) as caught:
        load(str(alone), "cpu", "auto", None)
    assert str(caught.value) == (
        f"{alone} cannot be run (no file {data} beside the model); put it there"
    )


def test_a_network_of_the_whole_picture_is_noticed(tmp_path: Path) -> None:
    """A mean over the picture is seen in its far corners."""
    model = load(written(enlarger(is_global=True), tmp_path), "cpu", "auto", None)
    assert model.is_global


def test_a_bounded_output_is_not_of_255_levels(tmp_path: Path) -> None:
    """A negative by tanh is nearer to grey if divided by 255, and would come out black."""
    made = enlarger()
    (weights,) = made.graph.initializer
    taps = -3 * onnx.numpy_helper.to_array(weights)
    weights.CopyFrom(onnx.numpy_helper.from_array(taps, "w"))
    result = made.graph.output[0].name
    made.graph.node.append(onnx.helper.make_node("Tanh", [result], ["bounded"]))
    made.graph.output[0].name = "bounded"
    assert load(written(made, tmp_path), "cpu", "auto", None).takes == (0, 1)


def test_a_normalised_part_does_not_make_white_255(tmp_path: Path) -> None:
    """What a network adds after a normalisation is as large for 0..255, and so relatively less."""
    made = enlarger()
    result = made.graph.output[0].name
    for name, value in (("scale", 0.01), ("shift", 0.005)):
        tensor = np.full(3, value, np.float32)
        made.graph.initializer.append(onnx.numpy_helper.from_array(tensor, name))
    made.graph.node.extend([
        onnx.helper.make_node("InstanceNormalization", [result, "scale", "shift"], ["normed"]),
        onnx.helper.make_node("Add", [result, "normed"], ["sum"]),
    ])  # fmt: skip
    made.graph.output[0].name = "sum"
    assert load(written(made, tmp_path), "cpu", "auto", None).takes == (0, 1)


def test_the_white_of_the_output_is_found_out_where_that_of_the_input_is_given(
    tmp_path: Path,
) -> None:
    """--model-range says what a network takes; one that gives 0..255 for 0..1 came out white."""
    path = written(enlarger(white_out=255), tmp_path)
    found = load(path, "cpu", "1", None)
    assert (found.takes, found.gives) == ((0, 1), (0, 255))
    other = load(path, "cpu", "255", None)
    assert (other.takes, other.gives) == ((0, 255), (0, 255))


def test_flat_pictures_that_come_out_changed_are_noted(tmp_path: Path) -> None:
    """A network without the step that its author does after it makes another picture."""
    good = load(written(enlarger(), tmp_path), "cpu", "auto", None)
    assert good.notes() == ()
    made = enlarger()
    result = made.graph.output[0].name
    made.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(0.5), "half"))
    made.graph.node.append(onnx.helper.make_node("Mul", [result, "half"], ["darker"]))
    made.graph.output[0].name = "darker"
    bad = load(written(made, tmp_path, "bad.onnx"), "cpu", "auto", None)
    assert bad.flat_change == pytest.approx(0.25, abs=0.01)
    assert [note.partition(";")[0] for note in bad.notes()] == [
        "its network changes the level of flat pictures by 25% of white"
    ]


def test_uneven_phases_are_measured(tmp_path: Path) -> None:
    """The ripple of flat pictures is that of the kernel's phase sums."""
    model = enlarger()
    (weights,) = model.graph.initializer
    taps = onnx.numpy_helper.to_array(weights) * np.array([1, 1, 1.2, 1])
    weights.CopyFrom(onnx.numpy_helper.from_array(taps.astype(np.float32), "w"))
    sums = np.add.reduceat(
        np.add.reduceat(taps[0, 0].reshape(2, 2, 2, 2).sum((0, 2)), [0, 1]), [0, 1]
    )
    expected = sums.std() / 1
    assert load(written(model, tmp_path), "cpu", "auto", None).ripple == pytest.approx(
        expected, 1e-3
    )


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (two_inputs(), "not one picture"),
        (two_pictures(), "not one picture"),
        (classifier(), "not a picture"),
        (denoiser(), "pixels of 3 channels for"),
        (one_and_a_half(), "gives 60x60 pixels of 3 channels for 40x40"),
    ],
    ids=["two inputs", "two pictures", "classes", "same size", "one and a half"],
)
def test_other_tasks_are_refused(model: onnx.ModelProto, fault: str, tmp_path: Path) -> None:
    """The error says what the network takes and makes."""
    with pytest.raises(SettingError, match=f"{fault}.*give a network that enlarges pictures"):
        load(written(model, tmp_path), "cpu", "auto", None)


@pytest.mark.parametrize("cut", [0, 10, 200, -1])
def test_a_damaged_file_is_refused(cut: int, tmp_path: Path) -> None:
    """It is one line, whatever onnxruntime says."""
    path = written(enlarger(), tmp_path)
    Path(path).write_bytes(Path(path).read_bytes()[:cut])
    with pytest.raises(SettingError, match=r"model\.onnx .*;") as caught:
        load(path, "cpu", "auto", None)
    assert "\n" not in str(caught.value)


def test_a_provider_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error says which there are."""
    path = written(enlarger(), tmp_path)
    with pytest.raises(SettingError, match=r"--provider directml is not in .* choose cpu"):
        load(path, "directml", None, None)
