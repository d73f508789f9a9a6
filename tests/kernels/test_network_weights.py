import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks_drawn import drawn, residual, unbalanced

from upsample_cli.errors import SettingError
from upsample_cli.kernels.network_weights import load_network


def saved(path: Path, **changes: Any) -> str:
    """Write the file of a network with some arrays changed, or left out where None."""
    arrays = dict(np.load(io.BytesIO(drawn(0)._replace(about={"seed": 0}).to_bytes())))
    arrays = {name: value for name, value in (arrays | changes).items() if value is not None}
    np.savez(path, **arrays)
    return str(path)


def test_a_file_holds_the_network(tmp_path: Path) -> None:
    """What is written is read again, but for the precision of 16 bits."""
    network = drawn(3, 3)._replace(about={"steps": 5, "psnr": {"network": 30.5}})
    (tmp_path / "mine.npz").write_bytes(network.to_bytes())
    again = load_network(str(tmp_path / "mine.npz"))
    assert (again.stride, again.halo, again.about) == (3, network.halo, network.about)
    for old, new in zip(network.body, again.body, strict=True):
        np.testing.assert_allclose(new.weights, old.weights, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(new.bias, old.bias, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(again.head, network.head, rtol=1e-2, atol=1e-3)


def test_reading_balances_the_head(tmp_path: Path) -> None:
    """A head whose taps do not sum to 0 is read as the nearest one whose taps do."""
    path = tmp_path / "uneven.npz"
    path.write_bytes(unbalanced(drawn(2)).to_bytes())
    assert np.abs(load_network(str(path)).head.sum((2, 3))).max() < 1e-6


def test_phase_sums_are_what_flat_pictures_get() -> None:
    """The exact sums are those of the level that gets the largest pattern."""
    network = unbalanced(drawn(4))
    flat = (np.full((2 * network.halo + 1,) * 2, level / 255, np.float32) for level in range(256))
    patterns = [residual(network, luma) for luma in flat]
    worst = max(patterns, key=lambda pattern: float(np.ptp(pattern)))
    np.testing.assert_allclose(network.phase_sums(), 1 + worst, atol=1e-6)
    np.testing.assert_allclose(drawn(4).phase_sums(), 1, atol=1e-6)


@pytest.mark.parametrize("name", ["photo", "clean"])
@pytest.mark.parametrize("stride", [2, 3, 4])
def test_shipped_networks_have_no_ripple_at_all(name: str, stride: int) -> None:
    """What rounding to 32 bits leaves of a sum of 0 is no pattern."""
    assert (load_network(name, stride).phase_sums() == 1).all()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"format": 2}, "is damaged (it has format 2, not 1); train it again"),
        ({"method": "tconv"}, "is not a network; give a .npz of"),
        ({"head": None}, "is damaged ('head"),
        ({"layer0": None}, "is damaged ('layer0"),
        ({"bias2": np.zeros(3)}, "bias2 has shape (3,)"),
        ({"layer1": np.zeros((4, 3, 3, 3))}, "layer1 has shape (4, 3, 3, 3)"),
        ({"layer0": np.zeros((4, 1, 4, 4))}, "4 phases and taps of 4"),
        ({"head": np.zeros((5, 4, 3, 3))}, "5 phases and taps of 5"),
        (
            {"head": np.zeros((25, 4, 3, 3))},
            "25 phases and taps of 5, not 4, 9 or 16 and 3, 5, 7, 9 or 11",
        ),
        (
            {"head": np.full((4, 4, 3, 3), np.nan)},
            "head has shape (4, 4, 3, 3), or unusable numbers",
        ),
        ({"about": "["}, "is damaged"),
        ({"layer2": np.array("word")}, "is damaged"),
        ({"bias0": np.array(1.0)}, "is damaged"),
        ({"layer0": np.array(1.0)}, "is damaged"),
        ({"format": np.array(np.inf)}, "is damaged"),
        ({"about": "[" * 200_000}, "is damaged"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    """The error names the file, what is wrong with it and what to do, in one line."""
    path = saved(tmp_path / "bad.npz", **changes)
    with pytest.raises(SettingError) as caught:
        load_network(path)
    text = str(caught.value)
    assert fault in text
    assert path in text
    assert "; " in text
    assert "\n" not in text


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The path is named, or the names that there are."""
    with pytest.raises(SettingError, match=r"no weights file .*none\.npz; check the path"):
        load_network(str(tmp_path / "none.npz"))
    fault = "^no weights 'nope'; choose photo, clean or a .npz file$"
    with pytest.raises(SettingError, match=fault):
        load_network("nope")
