from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enlargers import enlarger, of_any_size, of_blocks, written
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_drawn import drawn, residual
from numpy.typing import NDArray
from strategies import random_planes

from upsample_cli.errors import SettingError
from upsample_cli.images.levels import LUMA, Conversion
from upsample_cli.jobs.api import upsample
from upsample_cli.jobs.enlarge.strips import ExtendedInput, output_window, strips
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.kernels.kernel_file import SHIPPED, SHIPPED_STRIDES
from upsample_cli.kernels.network_weights import load_network
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.network_methods import LearnedNetwork
from upsample_cli.methods.residual_stage import ResidualStage
from upsample_cli.networks.enlargers.image_model import load

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
    """The last of two or four planes is as with the kernel, and leaves the others alone."""
    planes = random_planes(4, 20, 18, 1).astype(np.float32)
    planes[3] = 0.25
    expected = upsample(planes, "tconv", scale=stride)[-1]
    for few in (planes, planes[2:]):
        actual = enlarged(few, stride, weights[stride])
        np.testing.assert_allclose(actual[-1], expected, atol=1e-6)
        alone = enlarged(few[:-1], stride, weights[stride])
        # BLAS may round a row of a product by where it stands: the last bit of a float.
        np.testing.assert_allclose(actual[:-1], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("stride", SHIPPED_STRIDES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_flat_pictures_stay_the_same_to_the_last_bit(
    weights: dict[int, str], stride: int, dtype: type
) -> None:
    """Every level is the level it was, in 8 and in 16 bits, whatever the weights."""
    colour = Conversion(dtype)
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
    picture = ExtendedInput(size, lambda rows, columns: planes[:, rows, columns])
    whole = output_window(stages, picture, range(size_out[0]), range(size_out[1]))
    top, left = (data.draw(st.integers(0, n - 1)) for n in size_out)
    low, right = (
        data.draw(st.integers(start + 1, n)) for start, n in zip((top, left), size_out, strict=True)
    )
    part = output_window(stages, picture, range(top, low), range(left, right))
    assert part.tobytes() == whole[:, top:low, left:right].tobytes()


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize(("width", "rows"), [(40, 128), (8000, 64)])
def test_strips_are_whole_rows_of_tiles(scale: int, width: int, rows: int) -> None:
    """What is computed at once is what a row of tiles gives; tiles of wide pictures are low."""
    size_in = (2100 // scale, width // scale)
    method, size_out = LearnedNetwork(), (size_in[0] * scale, size_in[1] * scale)
    last = method.stages(size_in, size_out)[-1]
    assert method.rows_at_once(size_out, scale) == last.tile_network.rows * last.scale >= rows
    assert method.rows_at_once(size_out, scale - 0.1) == 0  # tiles are kept there


@pytest.mark.parametrize("scale", [1.9, 2.7, 5.0, 8.0])
def test_no_tile_is_computed_twice(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of a reduction overlap; two threads share the tiles that they draw on."""
    seen = []
    compute = ResidualStage._computed

    def counted(stage: ResidualStage, window: np.ndarray) -> np.ndarray:
        """Note the tile."""
        seen.append((stage.scale, window.tobytes()))
        return compute(stage, window)

    monkeypatch.setattr(ResidualStage, "_computed", counted)
    planes = random_planes(1, 150, 280, 4).astype(np.float32)
    size, columns = (round(150 * scale), round(280 * scale)), range(round(280 * scale))

    method = LearnedNetwork()
    picture = ExtendedInput((150, 280), lambda rows, columns: planes[:, rows, columns])
    stages = method.stages((150, 280), size)

    def strip(rows: range) -> Reals:
        """Return rows of the output."""
        return output_window(stages, picture, rows, columns)

    runs = strips(size, 1, scale, method.rows_at_once(size, scale))
    with Workers(2) as workers:
        parts = np.concatenate(list(workers.in_order(strip, runs)), 1)
    assert len(set(seen)) == len(seen)
    assert parts.tobytes() == np.concatenate(list(map(strip, runs)), 1).tobytes()
    # BLAS may round a row of a product by where it stands: the last bit of a float.
    np.testing.assert_allclose(parts, strip(range(size[0])), rtol=0, atol=1e-6)


def test_tiles_are_no_higher_than_a_small_picture() -> None:
    """A sprite is not worked out in a tile of 64 rows, of which most would be thrown away."""
    rows = [
        LearnedNetwork().stages((n, 9), (2 * n, 18))[0].tile_network.rows for n in (1, 9, 64, 70)
    ]
    assert rows == [4, 12, 64, 64]


def test_a_file_is_used_as_often_as_needed(weights: dict[int, str]) -> None:
    """A network of stride 2 enlarges by 4 in two steps, and by 3 in these and a reduction."""
    planes = random_planes(1, 9, 9, 0).astype(np.float32)
    twice = enlarged(enlarged(planes, 2, weights[2]), 2, weights[2])
    actual = upsample(planes, "network", scale=4, weights=weights[2])
    inner = (slice(None), slice(16, -16), slice(16, -16))  # edges are mirrored twice or once
    np.testing.assert_allclose(actual[inner], twice[inner], atol=1e-6)
    assert upsample(planes, "network", scale=3, weights=weights[2]).shape == (1, 27, 27)
    stages = LearnedNetwork(weights[2]).stages((9, 9), (27, 27))
    assert [getattr(stage, "scale", None) for stage in stages] == [2, 2, None]


@pytest.mark.parametrize("scale", [1.0, 1.5, 5.0])
def test_other_scales_are_reduced(scale: float) -> None:
    """The next larger product of strides is reduced, as by the other methods with kernels."""
    size_out = round(20 * scale), round(24 * scale)
    stages = LearnedNetwork().stages((20, 24), size_out)
    kernels = build("tconv").stages((20, 24), size_out)
    assert len(stages) == len(kernels)
    assert [stage.tile_network.network.stride for stage in stages[:-1]] == [
        stage.rows.period for stage in kernels[:-1]
    ]
    assert stages[-1].draws_on(range(6), range(9)) == kernels[-1].draws_on(range(6), range(9))


def test_more_planes_than_a_picture_has_are_refused() -> None:
    """Feature maps are none of what the network has learned."""
    with pytest.raises(
        SettingError, match="-m network is for pictures, not for feature maps; pass -m tconv"
    ):
        upsample(random_planes(5, 8, 8, 0), "network")


@pytest.mark.parametrize("plane", [0, 3])
def test_what_draws_on_a_nan_is_nan(plane: int) -> None:
    """A value that is not finite reaches as far as the network, and no farther."""
    planes = random_planes(4, 40, 40, 2).astype(np.float32)
    planes[plane, 20, 20] = np.nan
    actual = enlarged(planes, 2, "photo")
    halo = load_network("photo", 2).halo
    for colour in actual[:3]:  # all of them draw on the luma
        rows, columns = np.nonzero(np.isnan(colour))
        assert (rows.min(), rows.max()) == (2 * (20 - halo), 2 * (20 + halo) + 1)
        assert (columns.min(), columns.max()) == (2 * (20 - halo), 2 * (20 + halo) + 1)
    assert np.isfinite(actual[3]).all() == (plane == 0)


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


def by_network(planes: Any, path: str, scale: float = 2, **settings: Any) -> Any:
    return upsample(planes.astype(np.float32), "onnx", scale=scale, model=path, **settings)


@pytest.mark.parametrize("form", [
    {}, {"layout": "NHWC"}, {"size": (20, 28)}, {"border": 6}, {"size": (20, 28), "border": 6},
    {"multiple": 8},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("size", [(1, 1), (7, 60), (45, 38)], ids=str)
def test_tiles_meet_without_a_seam(
    form: dict[str, Any], size: tuple[int, int], tmp_path: Path
) -> None:
    """Where the picture is padded, a bilinear network gives what the bilinear kernel gives."""
    planes = random_planes(3, *size, 0).astype(np.float32)
    expected = upsample(planes, "tconv", kernel="bilinear")
    path = written(enlarger(**form), tmp_path)
    for tile in (0, 13):
        actual = by_network(planes, path, tile=tile, edges="boundary")
        np.testing.assert_allclose(actual, expected, atol=2e-6)


@pytest.mark.parametrize("form", [
    {}, {"layout": "NHWC"}, {"size": (20, 28)}, {"multiple": 4}, {"channels": 1},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("size", [(20, 28), (60, 28), (44, 116)], ids=str)
def test_edges_are_those_of_one_whole_pass(
    form: dict[str, Any], size: tuple[int, int], tmp_path: Path
) -> None:
    """A network pads its edges as it does by itself, also in tiles of any size."""
    planes = random_planes(1, *size, 0).astype(np.float32)
    whole = load(written(enlarger(channels=1), tmp_path, "whole.onnx"), "cpu", "auto", None)
    path = written(enlarger(**form), tmp_path)
    for tile in (0, 13):
        actual = by_network(planes, path, tile=tile)
        np.testing.assert_allclose(actual, whole.run(planes), atol=2e-6)


@pytest.mark.parametrize("form", [{"size": (20, 28)}, {"multiple": 16}, {"border": 6}], ids=str)
def test_what_a_network_needs_beyond_the_edges_is_mirrored(
    form: dict[str, Any], tmp_path: Path
) -> None:
    """A picture too small for it is padded below and right; what it leaves off, on all sides."""
    planes = random_planes(3, 9, 11, 0).astype(np.float32)
    expected = upsample(planes, "tconv", kernel="bilinear")
    actual = by_network(planes, written(enlarger(**form), tmp_path))
    np.testing.assert_allclose(actual[:, 1:, 1:], expected[:, 1:, 1:], atol=2e-6)
    assert np.allclose(actual[:, 0], expected[:, 0]) == ("border" in form)


@pytest.mark.parametrize("edges", ["own", "boundary"])
@pytest.mark.parametrize("block", [2, 4, 7])
@pytest.mark.parametrize("size", [(8, 12), (60, 44), (33, 70), (84, 49)], ids=str)
def test_tiles_begin_where_blocks_of_pixels_begin(
    size: tuple[int, int], block: int, edges: str, tmp_path: Path
) -> None:
    """A network that unshuffles pixels gives the same picture in any tiles."""
    planes = random_planes(3, *size, 0).astype(np.float32)
    path = written(of_blocks(block), tmp_path)
    halo = 2 * block + 1  # more than its reach, and no multiple of its blocks
    whole, *tiled = (by_network(planes, path, tile=n, edges=edges, halo=halo) for n in (0, 10, 13))
    for one in tiled:
        np.testing.assert_allclose(one, whole, atol=1e-5)
    if edges == "own" and size[0] % block == size[1] % block == 0:
        run = load(path, "cpu", "auto", None).run
        np.testing.assert_allclose(whole, run(planes), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "grid"),
    [("pooled", 4), ("rounded", 2), ("corners", 1), ("attention", 1), ("coordinates", 1)],
)
def test_a_network_for_any_size_gives_its_whole_pass(kind: str, grid: int, tmp_path: Path) -> None:
    """Sizes never fail, but its output depends on where a picture begins: so tiles follow that."""
    path = written(of_any_size(kind), tmp_path)
    model = load(path, "cpu", "1", None)
    assert (model.grid, model.is_global) == (grid, grid == 1)
    planes = random_planes(3, 402, 518, 0).astype(np.float32)
    actual = by_network(planes, path, tile=0 if model.is_global else 100, model_range="1")
    np.testing.assert_allclose(actual, model.run(planes), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 30), (45, 3)], ids=str)
def test_a_network_that_mirrors_gets_enough_to_mirror(
    size: tuple[int, int], tmp_path: Path
) -> None:
    """Of one pixel nothing can be mirrored within the network; others get the picture as it is."""
    planes = random_planes(3, *size, 0).astype(np.float32)
    actual = by_network(planes, written(enlarger(mirrored=3), tmp_path))
    expected = upsample(planes, "tconv", kernel="bilinear")
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=2e-6)
    path = written(enlarger(), tmp_path, "zeros.onnx")
    zeros = upsample(planes, "tconv", kernel="bilinear", boundary="zero")
    np.testing.assert_allclose(by_network(planes, path, halo=40), zeros, atol=2e-6)


@pytest.mark.parametrize("scale", [2, 3])
def test_windows_of_a_network_of_the_whole_picture_see_it_whole(scale: int, tmp_path: Path) -> None:
    """Any part of a picture up to 1024 px a side, however it is cut."""
    path = written(enlarger(is_global=True), tmp_path)
    planes = np.linspace(0, 1, 400, dtype=np.float32)[None, :, None] * np.ones((1, 1, 30))
    method, size_out = build("onnx", model=path), (400 * scale, 30 * scale)
    stages = method.stages((400, 30), size_out)
    picture = ExtendedInput((400, 30), lambda rows, columns: planes[:, rows])
    whole = output_window(stages, picture, range(size_out[0]), range(size_out[1]))
    part = output_window(stages, picture, range(300, 340), range(size_out[1]))
    np.testing.assert_allclose(part, whole[:, 300:340], atol=1e-6)


def test_beyond_its_own_edges_an_output_is_mirrored(tmp_path: Path) -> None:
    """A later stage that draws on what lies beyond gets the output's inside, mirrored."""
    (stage,) = build("onnx", model=written(enlarger(), tmp_path)).stages((9, 11), (18, 22))
    planes = random_planes(3, 9, 11, 0).astype(np.float32)
    picture = ExtendedInput((9, 11), lambda rows, columns: planes[:, rows, columns])
    inside = output_window([stage], picture, range(18), range(22))
    around = output_window([stage], picture, range(-5, 23), range(-3, 26))
    expected = np.pad(inside, ((0, 0), (5, 5), (3, 4)), mode="symmetric")
    np.testing.assert_allclose(around, expected, atol=1e-6)


def test_a_halo_too_small_shows(tmp_path: Path) -> None:
    """--halo overrules what was found out: with none, tiles no longer meet."""
    planes = random_planes(3, 40, 40, 0)
    path = written(enlarger(), tmp_path)
    expected = by_network(planes, path, tile=10)
    seams = np.abs(by_network(planes, path, tile=10, halo=0) - expected).max(0)[5]
    assert seams[19] > 0.01
    assert seams[10] < 1e-6


def test_a_halo_leaves_something_of_a_fixed_size(tmp_path: Path) -> None:
    """A network of a fixed size keeps at least a pixel between its halos."""
    planes, path = random_planes(3, 40, 40, 0), written(enlarger(size=(20, 28)), tmp_path)
    np.testing.assert_allclose(by_network(planes, path, halo=9), by_network(planes, path))
    with pytest.raises(SettingError, match=r"--halo 10 leaves .*28x20.*give 9 or less"):
        by_network(planes, path, halo=10)


def test_opacity_is_by_the_learned_kernel(tmp_path: Path) -> None:
    """The network sees the colours, grey ones too; the opacity is interpolated."""
    path = written(enlarger(), tmp_path)
    for colours in (1, 3):
        planes = random_planes(colours + 1, 12, 15, 3)
        planes[-1] = 0.5
        actual = by_network(planes, path, edges="boundary")
        np.testing.assert_allclose(
            actual[:-1], upsample(planes, "tconv", kernel="bilinear")[:-1], atol=2e-6
        )
        np.testing.assert_allclose(actual[-1], upsample(planes, "tconv")[-1], atol=2e-6)


def test_a_network_of_luma_leaves_the_colours_to_the_kernel(tmp_path: Path) -> None:
    """The luma is the network's; the differences of the colours are the learned kernel's."""
    path = written(enlarger(channels=1), tmp_path)
    planes = random_planes(3, 12, 15, 3)
    weights = np.array([0.299, 0.587, 0.114])
    actual, learned = by_network(planes, path, edges="boundary"), upsample(planes, "tconv")
    expected = upsample(np.tensordot(weights, planes, 1)[None], "tconv", kernel="bilinear")[0]
    np.testing.assert_allclose(np.tensordot(weights, actual, 1), expected, atol=2e-6)
    np.testing.assert_allclose(actual[0] - actual[1], learned[0] - learned[1], atol=2e-6)


@pytest.mark.parametrize("scale", [1.5, 3, 4])
def test_other_scales_are_passes_and_a_reduction(scale: float, tmp_path: Path) -> None:
    """4 is two passes; 1.5 and 3 are reduced from the next size that passes reach."""
    path = written(enlarger(), tmp_path)
    planes = random_planes(3, 16, 20, 1).astype(np.float32)
    actual = by_network(planes, path, scale)
    assert actual.shape == (3, int(16 * scale), int(20 * scale))
    if scale == 4:
        twice = by_network(by_network(planes, path), path)
        np.testing.assert_allclose(actual[:, 8:-8, 8:-8], twice[:, 8:-8, 8:-8], atol=2e-6)


def test_the_ensemble_is_the_mean_of_eight(tmp_path: Path) -> None:
    """It is the mean of what comes of the picture turned and mirrored, each undone."""
    model = enlarger()
    taps = np.frombuffer(model.graph.initializer[0].raw_data, np.float32).copy()
    taps[::3] *= 1.5  # no longer symmetric
    model.graph.initializer[0].raw_data = taps.tobytes()
    path = written(model, tmp_path)
    planes = random_planes(3, 20, 27, 2).astype(np.float32)
    one = []
    for turns in range(4):
        for step in (1, -1):
            seen = np.rot90(planes, turns, (1, 2))[..., ::step]
            back = by_network(np.ascontiguousarray(seen), path)[..., ::step]
            one.append(np.rot90(back, -turns, (1, 2)))
    np.testing.assert_allclose(by_network(planes, path, ensemble=True), np.mean(one, 0), atol=2e-6)
    assert np.abs(one[0] - np.mean(one, 0)).max() > 0.01
    assert np.isnan(build("onnx", model=path, ensemble=True).flat_ripple)


def test_the_ensemble_turns_the_picture_and_not_its_tiles(tmp_path: Path) -> None:
    """A network that works in blocks counts them from the first pixel of the turned picture."""
    path = written(of_any_size("pooled"), tmp_path)
    run, planes = load(path, "cpu", "1", None).run, random_planes(3, 131, 150, 2)
    positions = [(turns, step) for turns in range(4) for step in (1, -1)]
    one = [
        np.rot90(run(np.rot90(planes, turns, (1, 2))[..., ::step])[..., ::step], -turns, (1, 2))
        for turns, step in positions
    ]
    for tile in (0, 40):
        actual = by_network(planes, path, ensemble=True, tile=tile, model_range="1")
        np.testing.assert_allclose(actual, np.mean(one, 0), atol=2e-6)


def test_its_own_scale_and_ripple_are_known(tmp_path: Path) -> None:
    """They are found out by running it."""
    method = build("onnx", model=written(enlarger(), tmp_path))
    assert (method.own_scale, method.notes()) == (2.0, ())
    assert method.flat_ripple < 1e-6
    assert method.facts()["model"]["layout"] == "NCHW"
    whole = build("onnx", model=written(enlarger(is_global=True), tmp_path, "whole.onnx"))
    assert "sees the whole picture; over 1024 px a side tiles may" in whole.notes()[0]
    assert "over 40 px a side tiles may" in replace(whole, tile=40).notes()[0]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "pass --model FILE.onnx"),
        ({"model": "a.pth"}, r"--model a\.pth is not a \.onnx file"),
        ({"model": "a.onnx", "tile": -1}, "--tile -1 is out of range"),
        ({"model": "a.onnx", "model_range": "2"}, "invalid --model-range '2'; choose auto, 1, 255"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], fault: str) -> None:
    """Before any file is read."""
    with pytest.raises(SettingError, match=fault):
        build("onnx", **settings)


def test_a_network_may_see_less_than_the_kernel(tmp_path: Path) -> None:
    """One layer of 3x3 taps and the head reach two pixels, the learned kernel four."""
    network, path = drawn(3, 2, 4, 3, 0), tmp_path / "small.npz"
    path.write_bytes(network.to_bytes())
    planes = random_planes(1, 30, 24, 3).astype(np.float32)
    added = residual(load_network(str(path)), np.pad(planes[0], network.halo, mode="symmetric"))
    expected = upsample(planes, "tconv") + added
    np.testing.assert_allclose(enlarged(planes, 2, str(path)), expected, atol=1e-5)


def test_what_the_kernel_alone_draws_on_is_unknown_too(tmp_path: Path) -> None:
    """Of a network that sees less than the kernel, no number comes of an unknown pixel."""
    network, path = drawn(3, 2, 4, 3, 0), tmp_path / "small.npz"
    path.write_bytes(network.to_bytes())
    planes = random_planes(1, 30, 24, 3).astype(np.float32)
    planes[0, 15, 12] = np.nan
    unknown = np.isnan(enlarged(planes, 2, str(path)))
    assert (unknown >= np.isnan(upsample(planes, "tconv"))).all()
