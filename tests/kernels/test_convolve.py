import tracemalloc
from typing import Any

import numpy as np
import pytest
import reference
import scipy
from hypothesis import given
from strategies import Floats, seeds

from upsample_cli.errors import SettingError
from upsample_cli.kernels.convolve import conv2d, conv_transpose2d, pixel_shuffle

TYPES = (np.float32, np.float64)


def drawn(rng: np.random.Generator, most: int = 7) -> dict[str, Any]:
    """Return random settings of a layer, a few of which PyTorch refuses."""

    def pair(low: int, high: int) -> tuple[int, int]:
        return int(rng.integers(low, high)), int(rng.integers(low, high))

    groups = int(rng.integers(1, 4))
    settings = {"stride": pair(1, 5), "padding": pair(0, 3), "dilation": pair(1, 4)}
    added = tuple(
        int(rng.integers(0, max(s, d) + (rng.random() < 0.05)))
        for s, d in zip(settings["stride"], settings["dilation"], strict=True)
    )
    return {
        "batch": int(rng.integers(1, 3)),
        "channels": (groups * int(rng.integers(1, 4)), groups * int(rng.integers(1, 6))),
        "taps": pair(1, 6),
        "size": pair(1, most),
        "output_padding": added,
        "settings": {**settings, "groups": groups},
    }


def arrays(rng: np.random.Generator, case: dict[str, Any]) -> tuple[Floats, Floats, Floats]:
    """Return input, weight of the transposed convolution, and bias of a case."""
    (count, outputs), groups = case["channels"], case["settings"]["groups"]
    x = rng.normal(size=(case["batch"], count, *case["size"]))
    return x, rng.normal(size=(count, outputs // groups, *case["taps"])), rng.normal(size=outputs)


@given(seeds)
def test_transposed_is_scatter_add(seed: int) -> None:
    """Every input pixel adds every tap once, whatever the settings."""
    rng = np.random.default_rng(seed)
    case = drawn(rng, most=5)
    x, weight, bias = arrays(rng, case)
    settings, added = case["settings"], case["output_padding"]
    try:
        actual = conv_transpose2d(x, weight, bias, output_padding=added, **settings)
    except SettingError:
        return
    expected = reference.transposed_convolution_layer(x, weight, output_padding=added, **settings)
    np.testing.assert_allclose(actual, expected + bias[:, None, None], atol=1e-11)


@given(seeds)
def test_conv2d_is_correlation(seed: int) -> None:
    """A convolution is SciPy's correlation of the zero-padded maps, sampled at the stride."""
    rng = np.random.default_rng(seed)
    case = drawn(rng)
    (outputs, count), groups = case["channels"], case["settings"]["groups"]
    x = rng.normal(size=(count, *case["size"]))
    weight = rng.normal(size=(outputs, count // groups, *case["taps"]))
    settings = case["settings"]
    try:
        result = conv2d(x, weight, **settings)
    except SettingError:
        return
    (p, q), (d, e), (s, t) = settings["padding"], settings["dilation"], settings["stride"]
    padded = np.pad(x, ((0, 0), (p, p), (q, q)))
    spread = np.kron(weight, np.eye(1, d * e).reshape(1, 1, d, e))
    spread = spread[:, :, : spread.shape[2] - d + 1, : spread.shape[3] - e + 1]
    for to in range(outputs):
        first = to // (outputs // groups) * (count // groups)
        expected = sum(
            scipy.signal.correlate(padded[first + i], spread[to, i], "valid")[::s, ::t]
            for i in range(count // groups)
        )
        np.testing.assert_allclose(result[to], expected, atol=1e-11)


@given(seeds)
def test_one_is_the_adjoint_of_the_other(seed: int) -> None:
    """<conv(x), y> equals <x, conv_transpose(y)> with the same weight."""
    rng = np.random.default_rng(seed)
    case = drawn(rng)
    y, weight, _ = arrays(rng, case)
    settings, added = case["settings"], case["output_padding"]
    if any(a >= s for a, s in zip(added, settings["stride"], strict=True)):
        return  # then the convolution has another pixel, and is no adjoint
    try:
        back = conv_transpose2d(y, weight, output_padding=added, **settings)
    except SettingError:
        return
    x = rng.normal(size=back.shape)
    forward = conv2d(x, weight, **settings)
    assert abs((forward * y).sum() - (x * back).sum()) < 1e-10


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("operation", [conv2d, conv_transpose2d])
def test_500_random_layers_agree_with_torch(operation: Any, dtype: Any) -> None:
    """Both give what PyTorch gives, and refuse what it refuses."""
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.functional, operation.__name__)
    rng, refused = np.random.default_rng(1603), 0
    for _ in range(500):
        case = drawn(rng, most=8)
        x, weight, bias = (item.astype(dtype) for item in arrays(rng, case))
        settings = dict(case["settings"])
        if operation is conv_transpose2d:
            settings["output_padding"] = case["output_padding"]
        else:
            groups = settings["groups"]
            shape = (case["channels"][1], case["channels"][0] // groups, *case["taps"])
            weight = rng.normal(size=shape).astype(dtype)
        inputs = [torch.from_numpy(item) for item in (x, weight, bias)]
        try:
            expected = theirs(*inputs, **settings).numpy()
        except RuntimeError:
            expected = np.empty(0)
        if expected.size == 0:  # which PyTorch refuses for one type and returns for another
            refused += 1
            with pytest.raises(SettingError):
                operation(x, weight, bias, **settings)
            continue
        actual = operation(x, weight, bias, **settings)
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(actual, expected, atol=1e-5, rtol=1e-5)
    assert 0 < refused < 400


@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 2, 1, 2), (0, 1, 2, 0)])
@pytest.mark.parametrize("groups", [1, 4])
def test_onnx_conv_transpose(pads: tuple[int, ...], groups: int) -> None:
    """ONNX's node with explicit pads is ours; uneven pads are a crop of ours without padding."""
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 4, 4, 5)).astype(np.float32)
    weight = rng.normal(size=(4, 4 // groups, 3, 4)).astype(np.float32)
    # The reference gives every group the first group's bias.
    bias = np.full(4, 0.5, np.float32) if groups > 1 else rng.normal(size=4).astype(np.float32)
    names = ("X", "W", "B")
    node = helper.make_node(
        "ConvTranspose", names, ["Y"], strides=(2, 3), dilations=(2, 1), output_padding=(1, 2),
        pads=pads, group=groups, kernel_shape=(3, 4),
    )  # fmt: skip
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (*names, "Y")]
    graph = helper.make_graph([node], "layer", infos[:3], infos[3:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    (expected,) = ReferenceEvaluator(model).run(None, {"X": x, "W": weight, "B": bias})
    top, left, bottom, right = pads
    settings = {"stride": (2, 3), "dilation": (2, 1), "output_padding": (1, 2), "groups": groups}
    actual = conv_transpose2d(x, weight, bias, **settings)
    actual = actual[:, :, top : actual.shape[2] - bottom, left : actual.shape[3] - right]
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    if (top, left) == (bottom, right):
        whole = conv_transpose2d(x, weight, bias, padding=(top, left), **settings)
        np.testing.assert_allclose(whole, expected, atol=1e-5)


@pytest.mark.parametrize(("taps", "dilation"), [((3, 3), 1), ((2, 5), (3, 1)), ((4, 1), 2)])
def test_worded_padding(taps: tuple[int, int], dilation: Any) -> None:
    """The word same keeps the size, its odd zero below and on the right; valid adds none."""
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, 9, 8)), rng.normal(size=(3, 2, *taps))
    steps = np.broadcast_to(dilation, 2)
    total = [int(d * (k - 1)) for d, k in zip(steps, taps, strict=True)]
    padded = np.pad(x, ((0, 0), *((n // 2, n - n // 2) for n in total)))
    same = conv2d(x, weight, padding="same", dilation=dilation)
    assert same.shape == (3, 9, 8)
    np.testing.assert_allclose(same, conv2d(padded, weight, dilation=dilation), atol=1e-12)
    valid = conv2d(x, weight, padding="valid", dilation=dilation)
    np.testing.assert_array_equal(valid, conv2d(x, weight, dilation=dilation))


@pytest.mark.parametrize("channels", [(8, 2), (2, 8)], ids=["scattering", "gathering"])
def test_tiles_leave_no_seams_and_bound_memory(channels: tuple[int, int]) -> None:
    """A tall map is worked by some rows at once, with the same result as a definition's."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, channels[0], 1500, 40))
    weight = rng.normal(size=(*channels, 4, 4))
    tracemalloc.start()
    actual = conv_transpose2d(x, weight, stride=2, padding=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    columns = 16 * channels[1] * 1500 * 40 * 8
    assert peak < actual.nbytes + 12e6
    if channels[1] > channels[0]:
        assert peak < columns  # the whole columns would not have fitted
    y = rng.normal(size=actual.shape)
    back = conv2d(y, weight, stride=2, padding=1)
    np.testing.assert_allclose((actual * y).sum(), (x * back).sum(), rtol=1e-9)
    part = conv_transpose2d(x[:, :, 700:720], weight, stride=2, padding=1)
    np.testing.assert_allclose(actual[:, :, 1404:1436], part[:, :, 4:36], atol=1e-11)


X, W = np.ones((1, 4, 5, 5)), np.ones((4, 2, 3, 3))


@pytest.mark.parametrize(
    ("inputs", "settings", "fault"),
    [
        ((X.astype(int), W), {}, "input, weight, bias are int64, float64; give all float32 or"),
        ((X.astype("f4"), W), {}, "are float32, float64; give all float32 or all float64"),
        ((X[0, 0], W), {}, r"input has shape \(5, 5\); give \(C, H, W\) or"),
        ((X[..., :0], W), {}, "input has shape"),
        ((X, W[0]), {}, r"weight has shape \(2, 3, 3\); give four axes"),
        ((X, W[:3]), {}, "do not fit with 1 groups; give a weight of shape"),
        ((X, W), {"groups": 3}, "do not fit with 3 groups"),
        ((X, W, np.ones(3)), {}, r"bias has shape \(3,\); give one number for 2 channels"),
        ((X, W), {"padding": 4}, "the output would be -1x-1; give less padding"),
    ],
)
def test_layers_that_cannot_be_are_refused(inputs: Any, settings: Any, fault: str) -> None:
    """What PyTorch refuses is refused, with the fact and the remedy."""
    with pytest.raises(ValueError, match=fault):
        conv_transpose2d(*inputs, **settings)


@pytest.mark.parametrize(
    ("weight", "settings", "fault"),
    [
        (np.ones((2, 4, 6, 6)), {}, r"taps \(6, 6\) with dilation \(1, 1\) are larger than"),
        (np.ones((2, 4, 3, 3)), {"dilation": 3}, "are larger than the input"),
        (np.ones((2, 3, 3, 3)), {}, "do not fit"),
        (np.ones((3, 2, 3, 3)), {"groups": 2}, "do not fit with 2 groups"),
        (np.ones((2, 4, 3, 3)), {"padding": "full"}, "no padding 'full'; give a number"),
        (np.ones((2, 4, 3, 3)), {"padding": "same", "stride": 2}, "'same' is for stride 1"),
    ],
)
def test_convolutions_that_cannot_be_are_refused(weight: Any, settings: Any, fault: str) -> None:
    """Likewise for the convolution."""
    with pytest.raises(ValueError, match=fault):
        conv2d(X, weight, **settings)


def test_maps_that_are_views_and_batches_without_maps() -> None:
    """Layouts in memory do not matter; no maps in, no maps out."""
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(5, 6, 4, 2)), rng.normal(size=(2, 3, 3, 3))
    view = x.transpose(2, 3, 1, 0)
    expected = conv_transpose2d(np.ascontiguousarray(view), weight, stride=2)
    np.testing.assert_array_equal(conv_transpose2d(view, weight, stride=2), expected)
    assert conv_transpose2d(view[:0], weight, stride=2).shape == (0, 3, 13, 11)


def test_shuffling_is_its_definition() -> None:
    """Channel c r^2 + i r + j holds phase (i, j) of channel c, for any number of batch axes."""
    x = np.arange(2 * 18 * 4 * 5).reshape(2, 18, 4, 5)
    actual = pixel_shuffle(x, 3)
    assert actual.shape == (2, 2, 12, 15)
    for n, c, y, z in np.ndindex(actual.shape):
        assert actual[n, c, y, z] == x[n, c * 9 + y % 3 * 3 + z % 3, y // 3, z // 3]
    np.testing.assert_array_equal(pixel_shuffle(x[0], 3), actual[0])
    np.testing.assert_array_equal(pixel_shuffle(x[None], 3), actual[None])
    np.testing.assert_array_equal(pixel_shuffle(x, 1), x)


def test_shuffling_is_a_transposed_convolution() -> None:
    """It equals a transposed convolution whose taps are the phases' own."""
    x = np.random.default_rng(0).random((8, 3, 4))
    weight = np.zeros((8, 2, 2, 2))
    for c, i, j in np.ndindex(2, 2, 2):
        weight[c * 4 + i * 2 + j, c, i, j] = 1.0
    np.testing.assert_allclose(pixel_shuffle(x, 2), conv_transpose2d(x, weight, stride=2))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e308])
@pytest.mark.parametrize("layer", [conv2d, conv_transpose2d])
@pytest.mark.filterwarnings("error")
def test_values_that_are_not_finite_spread_without_a_warning(layer: Any, value: float) -> None:
    """Infinity times 0 and sums that overflow are no news to whoever put such values in."""
    x = np.full((4, 3, 3), value)
    weight = np.stack([np.zeros((4, 2, 2)), np.full((4, 2, 2), 1e10)], 1).reshape(-1, 4, 2, 2)
    weight = weight if layer is conv2d else weight.reshape(4, -1, 2, 2)
    assert not np.isfinite(layer(x, weight)).all()


@pytest.mark.parametrize(
    ("shape", "factor"), [((3, 2, 2), 2), ((4, 2), 2), ((4, 2, 2), 0), ((4, 2, 2), 2.0)]
)
def test_what_cannot_be_shuffled_is_refused(shape: tuple[int, ...], factor: Any) -> None:
    """Channels that do not divide, planes without channels and wrong factors are refused."""
    with pytest.raises(SettingError, match=r"cannot be shuffled by \d(\.0)?; give"):
        pixel_shuffle(np.ones(shape), factor)
