from typing import Any

import numpy as np
import pytest
from networks_drawn import drawn, residual

torch = pytest.importorskip("torch", reason="an extra; its wheel is gigabytes")
model: Any = pytest.importorskip("upsample_cli.jobs.train.network_model")


@pytest.mark.parametrize("stride", [2, 3])
def test_the_model_is_the_network(stride: int) -> None:
    """What PyTorch trains is what runs: wide layers collapsed, phases in their places."""
    network = drawn(0, stride)
    torch.manual_seed(0)
    trained = model.Model(network)
    with torch.no_grad():
        for layer in trained.body:
            layer.mix.normal_(0, 0.01)
        luma = np.random.default_rng(0).random((30, 26), np.float32)
        found = trained(torch.from_numpy(luma - np.float32(0.5))[None, None])
        whole = torch.nn.functional.pixel_shuffle(found, stride)[0, 0].numpy()
    actual = trained.network()
    assert actual.to_bytes() != network.to_bytes()
    np.testing.assert_allclose(residual(actual, luma), whole, atol=1e-5)
    assert np.abs(actual.head.sum((2, 3))).max() < 1e-6


def test_new_layers_pass_on_what_they_are_given() -> None:
    """Wholly, or as much of it as is asked for; the layers before stay as they are."""
    network, rng = drawn(0), np.random.default_rng(0)
    count, old = len(network.body[-1].bias), len(network.body)
    one = np.zeros((count, count, 3, 3), np.float32)
    one[range(count), range(count), 1, 1] = 1
    deeper = model.deepened(network, old + 2, 1.0, rng)
    assert deeper.body[:old] == network.body
    assert all((weights == one).all() and not bias.any() for weights, bias in deeper.body[old:])
    half = model.deepened(network, old + 1, 0.5, rng).body[-1].weights
    assert 0.1 < np.abs(half - one / 2).mean() / np.sqrt(2 / (9 * count)) < 1
