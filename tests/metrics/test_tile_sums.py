import numpy as np
import pytest

from upsample_cli.metrics.tile_sums import Sums, phase_lines
from upsample_cli.metrics.tiles import Tiles


def noise(variances: list[float], rng: np.random.Generator) -> Tiles:
    """Return tiles of 32 px with noise alone, for a stride of 2."""
    variance, count = np.array(variances, np.float32), len(variances)
    spread = np.sqrt(variance / 256)[:, None, None]
    return Tiles(
        phases=(rng.standard_normal((count, 2, 2)) * spread).astype(np.float32),
        variance=variance,
        level=rng.uniform(20, 235, count).astype(np.float32),
        slope=np.zeros((count, 2), np.float32),
        local=np.zeros(count, np.float32),
        usable=np.ones(count, bool),
    )


@pytest.mark.parametrize("kind", ["everywhere", "relative"])
@pytest.mark.parametrize(
    "variances", [[9.0] * 400, [9.0] * 9, [9.0] + [900.0] * 8, [9.0] + [2500.0] * 400]
)
def test_errors_are_what_chance_brings(kind: str, variances: list[float]) -> None:
    """Lines of noise have the power of their errors, be tiles few or one of most weight."""
    rng = np.random.default_rng(0)
    powers, errors = [], []
    for _ in range(400):
        sums = Sums((2, 2))
        sums.add(noise(variances, rng))
        result = getattr(sums, kind)
        powers.append(np.square(np.abs(result.lines)).ravel()[1:].sum())
        errors.append(result.error.ravel()[1:].sum())
    assert np.mean(errors) == pytest.approx(np.mean(powers), rel=0.15)


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (4, 5), (16, 16)])
def test_lines_are_those_of_the_fast_transform(stride: tuple[int, int]) -> None:
    """The product with the matrix gives what NumPy's transform gives, over the number of phases."""
    phases = np.random.default_rng(0).normal(0, 9, (7, *stride))
    expected = np.fft.fft2(phases) / (stride[0] * stride[1])
    np.testing.assert_allclose(phase_lines(phases), expected, atol=1e-12)
