from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_drawn import drawn, residual
from numpy.typing import NDArray
from strategies import random_planes

from upsample_cli.errors import SettingError
from upsample_cli.images.levels import LUMA, Colour
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge.strips import Picture, run
from upsample_cli.kernels.kernel_file import SHIPPED, SHIPPED_STRIDES
from upsample_cli.kernels.network_weights import load_network
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.learned_network import LearnedNetwork

Reals = NDArray[np.float32]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Return the paths of networks of random weights, by stride."""
    folder = tmp_path_factory.mktemp("weights")
    paths = {stride: folder / f"x{stride}.npz" for stride in SHIPPED_STRIDES}
    for stride, path in paths.items():
        path.write_bytes(drawn(stride, stride).to_bytes())
    return {stride: str(path) for stride, path in paths.items()}


def enlarged(planes: Reals, stride: int, weights: str) -> Reals:
    return np.asarray(upsample(planes, "network", scale=stride, weights=weights), np.float32)


@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
def test_every_colour_is_the_learned_kernel_and_the_residual_of_luma(
    weights: dict[int, str], stride: int
) -> None:
    """The network's residual of the mirrored luma is added to each colour, whole tiles or not."""
    planes = random_planes(3, 70, 110, 0).astype(np.float32)
    network = load_network(weights[stride])
    luma = np.tensordot(LUMA, planes, 1).astype(np.float32)
    added = residual(network, np.pad(luma, network.halo, mode="symmetric"))
    expected = upsample(planes, "tconv", scale=stride) + added
    np.testing.assert_allclose(enlarged(planes, stride, weights[stride]), expected, atol=1e-5)


@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
def test_opacity_is_enlarged_by_the_learned_kernel(weights: dict[int, str], stride: int) -> None:
    """The last of two or four planes is as with the kernel; the others see nothing of it."""
    planes = random_planes(4, 20, 18, 1).astype(np.float32)
    expected = upsample(planes, "tconv", scale=stride)[-1]
    for few in (planes, planes[2:]):
        actual = enlarged(few, stride, weights[stride])
        np.testing.assert_allclose(actual[-1], expected, atol=1e-6)
        alone = enlarged(few[:-1], stride, weights[stride])
        np.testing.assert_array_equal(actual[:-1], alone)


@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_flat_pictures_stay_the_same_to_the_last_bit(
    weights: dict[int, str], stride: int, dtype: type
) -> None:
    """Every level is the level it was, in 8 and in 16 bits, whatever the weights."""
    colour = Colour(dtype)
    levels = range(256) if dtype == np.uint8 else range(0, 65536, 257)
    for level in levels:
        planes = colour.planes(np.full((9, 9, 1), level, dtype))
        assert (colour.levels(enlarged(planes, stride, weights[stride])) == level).all()


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
def test_flat_parts_of_a_picture_stay_flat(stride: int, level: float) -> None:
    """Away from what is not flat, nothing changes by so much as half a level of 16 bits."""
    planes = np.full((1, 9, 80), level, np.float32)
    planes[:, :, 40:] = 0.6
    for name in ("photo", "clean"):
        out = enlarged(planes, stride, name)[0, :, : 20 * stride]
        assert np.abs(out - np.float32(level)).max() < 0.5 / 65535


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_windows_are_the_same_bytes(data: st.DataObject) -> None:
    """Any window of any scale is cut out of the whole picture, to the last bit."""
    scale = data.draw(st.sampled_from([1.0, 1.5, 2.0, 3.0]))
    size = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 130))
    planes = random_planes(3, *size, 3).astype(np.float32)
    size_out = int(size[0] * scale + 0.5), int(size[1] * scale + 0.5)
    stages = LearnedNetwork().stages(size, size_out)[:1]
    if scale != int(scale):  # the reduction is exact to rounding only, as of every method
        size_out = size[0] * 2, size[1] * 2
    picture = Picture(size, lambda rows, columns: planes[:, rows.start : rows.stop, columns])
    whole = run(stages, picture, range(size_out[0]), range(size_out[1]))
    top, left = (data.draw(st.integers(0, n - 1)) for n in size_out)
    low, right = (
        data.draw(st.integers(start + 1, n)) for start, n in zip((top, left), size_out, strict=True)
    )
    part = run(stages, picture, range(top, low), range(left, right))
    assert part.tobytes() == whole[:, top:low, left:right].tobytes()


@pytest.mark.parametrize("scale", [1.5, 2.0, 3.0, 4.0, 8.0])
def test_strips_of_tall_pictures_are_whole_rows_of_tall_tiles(scale: float) -> None:
    """What is computed at once is what a row of tiles gives: no tile is computed for two strips."""
    size_in = (round(2100 / scale), 40)
    method, size_out = LearnedNetwork(), (round(size_in[0] * scale), round(40 * scale))
    networks = [one for one in method.stages(size_in, size_out) if hasattr(one, "residual")]
    grown = np.prod([one.residual.network.stride for one in networks])
    tile = networks[-1].residual.rows * networks[-1].residual.network.stride
    assert method.rows_at_once(size_out, scale) * grown / scale == tile > 200
    assert method.rows_at_once((1000, 40), scale) == method.rows_at_once((2100, 8000), scale) == 0


def test_a_file_is_used_as_often_as_needed(weights: dict[int, str]) -> None:
    """A network of stride 2 enlarges by 4 in two steps; one of another scale is refused."""
    planes = random_planes(1, 9, 9, 0).astype(np.float32)
    twice = enlarged(enlarged(planes, 2, weights[2]), 2, weights[2])
    actual = upsample(planes, "network", scale=4, weights=weights[2])
    inner = (slice(None), slice(16, -16), slice(16, -16))  # edges are mirrored twice or once
    np.testing.assert_allclose(actual[inner], twice[inner], atol=1e-6)
    with pytest.raises(SettingError, match="has stride 2, but the scale is 3; pass --scale 2"):
        upsample(planes, "network", scale=3, weights=weights[2])


@pytest.mark.parametrize("scale", [1.0, 1.5, 5.0])
def test_other_scales_are_reduced(scale: float) -> None:
    """The next larger product of strides is reduced, as by the other methods with kernels."""
    size_out = round(20 * scale), round(24 * scale)
    stages = LearnedNetwork().stages((20, 24), size_out)
    kernels = build("tconv").stages((20, 24), size_out)
    assert len(stages) == len(kernels)
    assert [stage.residual.network.stride for stage in stages[:-1]] == [
        stage.rows.period for stage in kernels[:-1]
    ]
    assert stages[-1].draws_on(range(6), range(9)) == kernels[-1].draws_on(range(6), range(9))


def test_more_planes_than_a_picture_has_are_refused() -> None:
    """Feature maps are none of what the network has learned."""
    with pytest.raises(
        SettingError, match="pictures look like, and feature maps are none; pass -m tconv"
    ):
        upsample(random_planes(5, 8, 8, 0), "network")


def test_what_draws_on_a_nan_is_nan(weights: dict[int, str]) -> None:
    """A value that is not finite reaches as far as the network, and no farther."""
    planes = random_planes(4, 40, 40, 2).astype(np.float32)
    planes[0, 20, 20] = np.nan
    actual = enlarged(planes, 2, weights[2])
    halo = load_network(weights[2]).halo
    for colour in actual[:3]:  # all of them draw on the luma
        rows, columns = np.nonzero(np.isnan(colour))
        assert (rows.min(), rows.max()) == (2 * (20 - halo), 2 * (20 + halo) + 1)
        assert (columns.min(), columns.max()) == (2 * (20 - halo), 2 * (20 + halo) + 1)
    assert np.isfinite(actual[3]).all()


@pytest.mark.parametrize("name", ["photo", "clean"])
@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
def test_shipped_networks_are_there(name: str, stride: int) -> None:
    """Every stride has its weights, and their ripple is 0 but for double rounding."""
    network = load_network(name, stride)
    assert network.stride == stride
    assert np.ptp(network.phase_sums()) < 1e-6


def test_shipped_networks_are_small() -> None:
    """All of them together take at most 700 kB."""
    assert 0 < sum(path.stat().st_size for path in Path(SHIPPED).glob("network-*")) <= 700_000
