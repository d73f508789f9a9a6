import numpy as np

from upsample_cli.kernels.moments import Moments


def test_moments_are_those_of_all_patches(rng: np.random.Generator) -> None:
    """Taken in by parts, they are the sums over every patch, and its variance, one by one."""
    s, n, moments = 2, 3, Moments(2, 3)
    gram, cross, variances = np.zeros((9, 9)), np.zeros((9, 4)), []
    for height, width in ((6, 5), (4, 7)):
        low, high = rng.normal(size=(height, width)), rng.normal(size=(height * s, width * s))
        assert moments.add(low, high, 10**6, rng) == (height - 2) * (width - 2)
        for i, j in np.ndindex(height - 2, width - 2):
            patch = low[i : i + n, j : j + n].ravel()
            cell = high[s * (i + 1) : s * (i + 2), s * (j + 1) : s * (j + 2)].ravel()
            gram += np.outer(patch, patch)
            cross += np.outer(patch, cell)
            variances.append(patch.var())
    np.testing.assert_allclose(moments.gram, gram)
    np.testing.assert_allclose(moments.cross, cross)
    assert moments.count == len(variances)
    np.testing.assert_allclose(moments.variance, np.mean(variances))
