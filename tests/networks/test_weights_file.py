"""Weights of .safetensors files that are stored in parts."""

import numpy as np
import pytest

from upsample_cli.networks.weights_file import with_combined_weights

WEIGHT_NORMS = [
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
]


def sliced(g: np.ndarray, v: np.ndarray, axis: int | None) -> np.ndarray:
    """Return the weight as PyTorch has it, a slice along the axis at a time."""
    if axis is None:
        return g.reshape(-1)[0] * v / np.sqrt((v * v).sum())
    made = np.empty_like(v)
    for each in range(v.shape[axis]):
        own = (slice(None),) * axis + (each,)
        made[own] = g.reshape(-1)[each] * v[own] / np.sqrt((v[own] * v[own]).sum())
    return made


@pytest.mark.parametrize("shape", [(3, 4, 2, 2), (4, 4, 3, 3), (1, 4, 2, 3), (3, 1, 1, 5), (4, 3)])
@pytest.mark.parametrize(("length", "direction"), WEIGHT_NORMS)
@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_parts_become_the_weight(
    rng: np.random.Generator, length: str, direction: str, axis: int | None, shape: tuple[int, ...]
) -> None:
    """The shape of the lengths tells their axis, whichever it is; other tensors stay."""
    v, bias = rng.normal(size=shape), rng.normal(size=3)
    place = axis if axis is None else axis % v.ndim
    g = rng.uniform(1, 2, [size if each == place else 1 for each, size in enumerate(shape)])
    found, faults = with_combined_weights({f"a.{length}": g, f"a.{direction}": v, "a.bias": bias})
    assert (set(found), faults) == ({"a.weight", "a.bias"}, {})
    np.testing.assert_allclose(found["a.weight"], sliced(g, v, place), rtol=1e-12)
    assert found["a.bias"] is bias


@pytest.mark.parametrize(("length", "direction"), WEIGHT_NORMS)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1)])
def test_one_length_is_that_of_the_whole(
    rng: np.random.Generator, length: str, direction: str, shape: tuple[int, ...]
) -> None:
    """PyTorch's dim=None stores a single number, without axes."""
    v = rng.normal(size=(3, 4, 2, 2))
    found, faults = with_combined_weights({f"a.{length}": np.full(shape, 2.5), f"a.{direction}": v})
    assert (set(found), faults) == ({"a.weight"}, {})
    np.testing.assert_allclose(found["a.weight"], 2.5 * v / np.linalg.norm(v), rtol=1e-12)


@pytest.mark.parametrize(("length", "direction"), WEIGHT_NORMS)
@pytest.mark.parametrize(
    "shape", [(3,), (4,), (4, 1, 1, 1), (3, 4, 1, 1), (3, 4, 2, 2), (1, 1, 3, 1), (3, 1, 1), (0,)]
)
def test_lengths_that_fit_no_axis_are_told(
    length: str, direction: str, shape: tuple[int, ...]
) -> None:
    """The direction alone is no weight: it is NaN, and the reason is told with the remedy."""
    v = np.ones((3, 4, 2, 2))
    found, faults = with_combined_weights({f"a.{length}": np.ones(shape), f"a.{direction}": v})
    assert set(found) == {"a.weight"}
    assert found["a.weight"].shape == v.shape
    assert np.isnan(found["a.weight"]).all()
    assert faults == {
        "a.weight": f"its weight norm has lengths of shape {'x'.join(map(str, shape))}, which fit "
        "no axis of 3x4x2x2; remove the weight norm before saving"
    }


def test_a_part_alone_is_no_weight_norm() -> None:
    """A tensor that is only called like one of the parts stays what it is."""
    for name in ("a.weight_v", "a.weight_g", "a.parametrizations.weight.original1"):
        parts = {name: np.ones((2, 2))}
        assert with_combined_weights(parts) == (parts, {})


def test_a_direction_without_length_is_no_number() -> None:
    """Nothing normalised is NaN, without a warning; the audit calls it unknown."""
    parts = {"a.weight_v": np.array([[0.0, 0.0], [3.0, 4.0]]), "a.weight_g": np.ones((2, 1))}
    found, faults = with_combined_weights(parts)
    np.testing.assert_allclose(found["a.weight"], [[np.nan, np.nan], [0.6, 0.8]])
    assert faults == {}


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e200, 1.7e308])
def test_directions_of_any_size_are_normalised(size: float) -> None:
    """Squares neither overflow nor vanish: they would make the weight 0 or infinite."""
    v = np.array([[size, -size], [1.0, 1.0]])
    found, _ = with_combined_weights({"a.weight_v": v, "a.weight_g": np.full((2, 1), np.sqrt(2))})
    np.testing.assert_allclose(found["a.weight"], [[1, -1], [1, 1]])


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), ()])
def test_parts_of_no_floats_tell_their_type(shape: tuple[int, ...]) -> None:
    """A quantised part leaves a weight of its type and of the direction's shape."""
    v, whole = np.ones((2, 1, 4, 4), np.float32), np.ones(shape, np.int8)
    (made,) = with_combined_weights({"a.weight_v": v, "a.weight_g": whole})[0].values()
    assert (made.shape, made.dtype) == (v.shape, np.int8)
    (made,) = with_combined_weights({"a.weight_v": v.astype("i1"), "a.weight_g": np.ones(shape)})[
        0
    ].values()
    assert (made.shape, made.dtype) == (v.shape, np.int8)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_weight_is_rounded_to_the_type_of_its_parts(rng: np.random.Generator, kind: type) -> None:
    """A layer is applied in the type that its network has; an audit takes what is exact."""
    v, g = rng.normal(size=(3, 2, 2, 2)).astype(kind), np.ones((3, 1, 1, 1), kind)
    parts = {"a.weight_v": v, "a.weight_g": g}
    exact, rounded = (
        with_combined_weights(parts, rounded=each)[0]["a.weight"] for each in (False, True)
    )
    assert (exact.dtype, rounded.dtype) == (np.float64, kind)
    np.testing.assert_array_equal(rounded, exact.astype(kind))


SPECTRAL_NORMS = [
    ("weight_orig", "weight_u", "weight_v"),
    (
        "parametrizations.weight.original",
        "parametrizations.weight.0._u",
        "parametrizations.weight.0._v",
    ),
]


def vectors(weight: np.ndarray, axis: int, rounds: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return u and v after some rounds of power iteration, as in training, and sigma."""
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
    u = np.ones(len(rows))
    for _ in range(rounds):
        v = rows.T @ u / np.linalg.norm(rows.T @ u)
        u = rows @ v / np.linalg.norm(rows @ v)
    return u, v, float(u @ rows @ v)


@pytest.mark.parametrize("names", SPECTRAL_NORMS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(8, 4, 4, 4), (4, 4, 3, 3), (1, 5, 2, 2), (6, 3)])
def test_a_weight_is_divided_by_its_norm(
    rng: np.random.Generator, names: tuple[str, str, str], axis: int, shape: tuple[int, ...]
) -> None:
    """The axis of the rows is found, also where two are as long; other tensors stay."""
    weight, bias = rng.normal(size=shape), rng.normal(size=3)
    u, v, sigma = vectors(weight, axis, 4)
    parts = {f"a.{name}": each for name, each in zip(names, (weight, u, v), strict=True)}
    found, faults = with_combined_weights(parts | {"a.bias": bias})
    assert (set(found), faults) == ({"a.weight", "a.bias"}, {})
    np.testing.assert_allclose(found["a.weight"], weight / sigma, rtol=1e-12)
    assert found["a.bias"] is bias


@pytest.mark.parametrize("names", SPECTRAL_NORMS)
@pytest.mark.parametrize("lengths", [(7, 64), (8, 63), (8, None)])
def test_vectors_that_do_not_fit_are_told(
    rng: np.random.Generator, names: tuple[str, str, str], lengths: tuple[int, int | None]
) -> None:
    """A norm that cannot be worked out gives no weight, and its reason."""
    whole, left, right = (f"a.{name}" for name in names)
    parts = {whole: rng.normal(size=(8, 4, 4, 4)), left: np.ones(lengths[0])}
    if lengths[1] is not None:
        parts[right] = np.ones(lengths[1])
    found, faults = with_combined_weights(parts)
    assert list(found) == list(faults) == ["a.weight"]
    assert "remove it before saving" in faults["a.weight"]
    assert np.isnan(found["a.weight"]).all()


def test_the_type_of_the_parts_is_kept_where_it_is_wanted(rng: np.random.Generator) -> None:
    """A layer is applied in the type of its weight; an audit is of all digits."""
    weight = rng.normal(size=(4, 2, 2, 2)).astype(np.float32)
    u, v, _ = vectors(weight, 1, 9)
    parts = {"weight_orig": weight, "weight_u": u, "weight_v": v}
    assert with_combined_weights(parts, rounded=True)[0]["weight"].dtype == np.float32
    assert with_combined_weights(parts)[0]["weight"].dtype == np.float64


def test_whole_numbers_stay_whole() -> None:
    """Quantised weights are told as such, not divided."""
    parts = {"weight_orig": np.ones((2, 2, 2, 2), np.int8)}
    parts |= {"weight_u": np.ones(2), "weight_v": np.ones(8)}
    assert with_combined_weights(parts)[0]["weight"].dtype == np.int8
