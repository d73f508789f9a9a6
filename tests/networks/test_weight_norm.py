import numpy as np
import pytest

from upsample_cli.networks.weight_norm import effective


@pytest.mark.parametrize(
    ("length", "direction"),
    [
        ("weight_g", "weight_v"),
        ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ],
)
@pytest.mark.parametrize("axis", [0, 1, None])
def test_parts_become_the_weight(
    rng: np.random.Generator, length: str, direction: str, axis: int | None
) -> None:
    """Each slice along the axis has the length it was given; other tensors stay."""
    v = rng.normal(size=(3, 4, 2, 2))
    shape = [size if each == axis else 1 for each, size in enumerate(v.shape)]
    g, bias = rng.uniform(1, 2, shape), rng.normal(size=3)
    found = effective({f"a.{length}": g, f"a.{direction}": v, "a.bias": bias})
    assert set(found) == {"a.weight", "a.bias"}
    made = found["a.weight"]
    axes = tuple(each for each in range(4) if each != axis)
    np.testing.assert_allclose(np.sqrt((made**2).sum(axis=axes, keepdims=True)), g)
    np.testing.assert_allclose(made / v, np.broadcast_to(made / v, v.shape))
    assert (made * v).min() >= 0


def test_what_does_not_fit_is_left_as_it_is() -> None:
    """A direction without a length, or with one of another shape, is no weight norm."""
    for parts in (
        {"a.weight_v": np.ones((2, 2))},
        {"a.weight_v": np.ones((2, 2)), "a.weight_g": np.ones(2)},
        {"a.weight_v": np.ones((2, 2)), "a.weight_g": np.ones((3, 1))},
    ):
        assert effective(parts).keys() == parts.keys()


def test_a_direction_without_length_is_no_number() -> None:
    """Nothing normalised is NaN, without a warning; the audit calls it unknown."""
    found = effective({"a.weight_v": np.zeros((1, 2)), "a.weight_g": np.ones((1, 1))})
    assert np.isnan(found["a.weight"]).all()
