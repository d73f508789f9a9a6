import numpy as np
import pytest

from upsample_cli.networks.normalised import effective

SPELLINGS = [
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


@pytest.mark.parametrize("names", SPELLINGS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(8, 4, 4, 4), (4, 4, 3, 3), (1, 5, 2, 2), (6, 3)])
def test_a_weight_is_divided_by_its_norm(
    rng: np.random.Generator, names: tuple[str, str, str], axis: int, shape: tuple[int, ...]
) -> None:
    """The axis of the rows is found, also where two are as long; other tensors stay."""
    weight, bias = rng.normal(size=shape), rng.normal(size=3)
    u, v, sigma = vectors(weight, axis, 4)
    parts = {f"a.{name}": each for name, each in zip(names, (weight, u, v), strict=True)}
    found, faults = effective(parts | {"a.bias": bias})
    assert (set(found), faults) == ({"a.weight", "a.bias"}, {})
    np.testing.assert_allclose(found["a.weight"], weight / sigma, rtol=1e-12)
    assert found["a.bias"] is bias


@pytest.mark.parametrize("names", SPELLINGS)
@pytest.mark.parametrize("lengths", [(7, 64), (8, 63), (8, None)])
def test_vectors_that_do_not_fit_are_told(
    rng: np.random.Generator, names: tuple[str, str, str], lengths: tuple[int, int | None]
) -> None:
    """A norm that cannot be worked out gives no weight, and its reason."""
    whole, left, right = (f"a.{name}" for name in names)
    parts = {whole: rng.normal(size=(8, 4, 4, 4)), left: np.ones(lengths[0])}
    if lengths[1] is not None:
        parts[right] = np.ones(lengths[1])
    found, faults = effective(parts)
    assert list(found) == list(faults) == ["a.weight"]
    assert "remove it before saving" in faults["a.weight"]
    assert np.isnan(found["a.weight"]).all()


def test_the_type_of_the_parts_is_kept_where_it_is_wanted(rng: np.random.Generator) -> None:
    """A layer is applied in the type of its weight; an audit is of all digits."""
    weight = rng.normal(size=(4, 2, 2, 2)).astype(np.float32)
    u, v, _ = vectors(weight, 1, 9)
    parts = {"weight_orig": weight, "weight_u": u, "weight_v": v}
    assert effective(parts, rounded=True)[0]["weight"].dtype == np.float32
    assert effective(parts)[0]["weight"].dtype == np.float64


def test_whole_numbers_stay_whole() -> None:
    """Quantised weights are told as such, not divided."""
    parts = {"weight_orig": np.ones((2, 2, 2, 2), np.int8)}
    parts |= {"weight_u": np.ones(2), "weight_v": np.ones(8)}
    assert effective(parts)[0]["weight"].dtype == np.int8
