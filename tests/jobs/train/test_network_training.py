from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from networks_drawn import drawn
from textures import natural_texture

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.place import Place, parse
from upsample_cli.jobs.train.pairs import pictures_in
from upsample_cli.kernels.network_weights import ResidualNetwork, load_network

torch = pytest.importorskip("torch", reason="an extra; its wheel is gigabytes")
job: Any = pytest.importorskip("upsample_cli.jobs.train.network_training")

STEPS = 40


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Place]:
    """Return the places of four textures and of a file that is none."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(4):
        samples = np.round(natural_texture(200, 220, seed)[0] * 255).astype(np.uint8)
        PIL.Image.fromarray(samples).save(folder / f"{seed}.png")
    (folder / "notes.txt").write_text("no picture")
    return pictures_in([parse(str(folder))])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on few and small patches, and look often."""
    for name, value in {"_BATCH": 4, "_SIDE": 16, "_WARMUP": 5, "_TEST_INTERVAL": 20,
                        "_HELD_OUT": 3, "_POOL": 8}.items():  # fmt: skip
        monkeypatch.setattr(job, name, value)


def settings(**changes: Any) -> Any:
    options = {"stride": 2, "start": None, "layers": None, "steps": STEPS, "minutes": 1.0,
               "degrade": "clean", "seed": 0, "holdout": 0.3}  # fmt: skip
    return job.NetworkSettings(**(options | changes))


def train(photos: list[Place], **changes: Any) -> Any:
    return job.train(photos, settings(**changes), lambda look, best: None)


def same(one: ResidualNetwork, other: ResidualNetwork) -> bool:
    return one.to_bytes() == other._replace(about=one.about).to_bytes()


def test_training_makes_it_better(photos: list[Place]) -> None:
    """A few steps bring it over the linear kernel on crops that it has not seen."""
    seen = []
    trained = job.train(photos, settings(steps=150), lambda look, best: seen.append(look))
    psnr = trained.evaluation.psnr
    assert psnr["network"] > psnr["learned"] + 0.01
    assert psnr["learned"] > psnr["bicubic"]
    assert [look.step for look in seen] == [0, 20, 40, 60, 80, 100, 120, 140, 150]
    assert seen[-1].done == 1
    assert seen[0].psnr["network"] == psnr["learned"]  # it begins with no effect
    np.testing.assert_allclose(trained.network.phase_sums(), 1, atol=1e-6)
    assert len(trained.skipped) == 1
    assert trained.network.about["pictures"] == 3
    assert trained.network.about["steps"] == trained.evaluation.step


def test_it_is_the_same_for_one_seed_and_number_of_steps(photos: list[Place]) -> None:
    """The weights depend on the seed and the steps, not on the time they take."""
    first, again = train(photos, degrade="photo"), train(photos, degrade="photo")
    assert same(first.network, again.network)
    assert not same(first.network, train(photos, degrade="photo", seed=1).network)


@pytest.mark.parametrize("is_short", [True, False])
def test_numbers_are_short_where_a_processor_has_them(
    photos: list[Place], is_short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere bfloat16 takes ten times as long as float32, so it is not used."""
    seen, cast = set(), torch.autocast

    def noted(*args: Any, enabled: bool) -> Any:
        """Note whether numbers are short."""
        seen.add(enabled)
        return cast(*args, enabled=enabled)

    abilities = {"avx512_f": True, "avx512_bf16": is_short}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities, raising=False)
    monkeypatch.setattr(torch, "autocast", noted)
    train(photos, steps=2)
    assert seen == {is_short}


def test_it_goes_on_from_a_file(photos: list[Place], tmp_path: Path) -> None:
    """A start of the same stride is where it begins; one of another stride lends its body."""
    path = tmp_path / "start.npz"
    path.write_bytes(drawn(3).to_bytes())
    rng = np.random.default_rng(0)
    begun = settings(start=str(path)).initial_network(rng)
    assert begun.to_bytes() == load_network(str(path)).to_bytes()
    lent = settings(start=str(path), stride=3).initial_network(rng)
    assert lent.stride == 3
    assert all((a.weights == b.weights).all() for a, b in zip(lent.body, begun.body, strict=True))
    assert not lent.head.any()
    assert train(photos, start=str(path), steps=2, stride=3).network.about["start"] == str(path)


def test_going_on_holds_out_the_same_pictures(
    photos: list[Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with the same seed learns from no picture that another run was tested on."""
    tested, path = list[bytes](), tmp_path / "start.npz"
    path.write_bytes(drawn(3).to_bytes())

    class Noted(job.Pairs):
        """Pairs that note the pictures to test on."""

        def __init__(self, pictures: Any, *args: Any) -> None:
            super().__init__(pictures, *args)
            if args[-1] == job._HELD_OUT:
                tested.append(b"".join(one.tobytes() for one in pictures))

    monkeypatch.setattr(job, "Pairs", Noted)
    for changes in ({}, {"layers": 7}, {"start": str(path)}, {"start": str(path), "layers": 6}):
        train(photos, steps=1, **changes)
    assert len(tested) == 4
    assert len(set(tested)) == 1


def test_layers_are_added(photos: list[Place], tmp_path: Path) -> None:
    """A new network has as many as are asked for; one that is given keeps its own, and no fewer."""
    rng = np.random.default_rng(0)
    assert len(settings().initial_network(rng).body) == 5
    assert len(settings(layers=2).initial_network(rng).body) == 2
    path = tmp_path / "start.npz"
    path.write_bytes(drawn(3).to_bytes())
    old = load_network(str(path))
    count = len(old.body)
    more = settings(start=str(path), layers=count + 2).initial_network(rng)
    assert more.body[:count] == old.body
    assert len(train(photos, start=str(path), steps=2, layers=count + 2).network.body) == count + 2
    with pytest.raises(SettingError, match=f"--layers {count - 1} is fewer than the {count} of"):
        settings(start=str(path), layers=count - 1).initial_network(rng)


def test_an_interrupt_keeps_the_best_so_far(photos: list[Place]) -> None:
    """Ctrl-C ends the training, and what it has found is returned."""

    def interrupt(look: Any, best: Any) -> None:
        if look.step == 20:
            raise KeyboardInterrupt

    trained = job.train(photos, settings(steps=1000), interrupt)
    assert trained.evaluation.step == 20
    assert not same(trained.network, settings().initial_network(np.random.default_rng(0)))


@pytest.mark.parametrize("holdout", [0.3, 0.0])
def test_an_interrupt_between_two_tests_loses_no_steps(
    photos: list[Place], holdout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C keeps what is learned up to that step; before the first there is nothing to keep."""
    calls, batch = [0], job.Pairs.batch

    def interrupted(self: Any, count: int, side: int) -> Any:
        """Return patches, and press Ctrl-C after 30 steps."""
        calls[0] += 1
        if calls[0] > 30:
            raise KeyboardInterrupt
        return batch(self, count, side)

    monkeypatch.setattr(job.Pairs, "batch", interrupted)
    seen = []
    trained = job.train(
        photos, settings(steps=1000, holdout=holdout), lambda look, best: seen.append(look)
    )
    assert [look.step for look in seen] == [0, 20, 30]
    assert trained.evaluation == seen[-1]
    assert trained.network.about["steps"] == 30
    with pytest.raises(KeyboardInterrupt):
        job.train(photos, settings(), lambda look, best: seen.append(look))


def test_minutes_end_it(photos: list[Place]) -> None:
    """Without a number of steps the time decides."""
    seen = []
    trained = job.train(
        photos, settings(steps=None, minutes=0.02), lambda look, best: seen.append(look)
    )
    assert trained.seconds < 20
    assert trained.evaluation.step > 0
    assert seen[-1].done == 1


def test_without_held_out_pictures_the_last_is_kept(photos: list[Place]) -> None:
    """There is no score then, and the network is that of the last step."""
    trained = train(photos, holdout=0.0)
    assert trained.evaluation == (STEPS, 1.0, {})
    assert trained.network.about["pictures"] == 4


def test_strides_and_pictures_that_cannot_be_are_refused(photos: list[Place]) -> None:
    """The errors say what to give instead."""
    with pytest.raises(SettingError, match="--stride 5 is not for networks; give 2, 3 or 4"):
        settings(stride=5)
    fault = r"no picture can be used \(.*0.png is 220x200, too small\); give .* at least 256 px"
    with pytest.raises(ImageFileError, match=fault):
        train([place for place in photos if str(place).endswith("png")], stride=4)


def test_a_picture_that_cannot_be_read_is_skipped(photos: list[Place], tmp_path: Path) -> None:
    """A damaged picture ends no training that others allow; with none left, the error names it."""
    cut = tmp_path / "cut.png"
    cut.write_bytes(Path(photos[0].path).read_bytes()[:9000])
    trained = train([photos[0], parse(str(cut))], steps=2, holdout=0.5)
    assert trained.network.about["pictures"] == 1
    assert [reason for reason in trained.skipped if "cut.png is damaged" in reason]
    with pytest.raises(ImageFileError, match=r"no picture can be used \(.*cut.png is damaged"):
        train([parse(str(cut))])
