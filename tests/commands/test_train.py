import errno
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused, contents
from textures import natural_texture

from upsample_cli import process

Call = Callable[..., Outcome]


@pytest.fixture
def photos(folder: Path) -> str:
    """Return the name of a folder with four textures."""
    (folder / "photos").mkdir()
    for seed in range(4):
        samples = np.round(natural_texture(100, 90, seed)[0] * 255).astype(np.uint8)
        PIL.Image.fromarray(samples).save(folder / "photos" / f"{seed}.png")
    return "photos"


def test_a_trained_kernel_can_be_used(call: Call, photos: str, folder: Path) -> None:
    """--kernel accepts the file that `train` writes."""
    outcome = call("train", photos, "-o", "mine.NPZ", "--taps", 5, "--samples", 5000)
    assert (outcome.code, outcome.err) == (0, "")
    text = outcome.out.decode()
    assert text.startswith("mine.NPZ  tconv x2  separable 10x10  balance ramp  ")
    assert "trained on 3 pictures" in text
    assert re.search(r"exact ripple 0\.\d{4} before balancing, 0\.0000 after", text)
    assert "PSNR of 1 held out" in text
    assert b"tconv mine.NPZ x2" in call("in.png", "out.png", "-k", "mine.NPZ").out


def test_what_was_trained_is_kept_if_it_cannot_be_written(
    call: Call, photos: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the output cannot be written in the end, the error says where the kernel is."""

    def full(descriptor: int) -> None:
        """Fail as on a full disk."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        outcome = call("train", photos, "-o", "mine.npz", "--taps", 3, "--samples", 2000)
    check_refused(outcome, 1, "cannot write mine.npz: No space left on device; copy ")
    kept = Path(outcome.err.split("; copy ")[1].removesuffix(" there yourself\n"))
    assert not (folder / "mine.npz").exists()
    assert call("in.png", "out.png", "-k", kept).code == 0
    shutil.rmtree(kept.parent)


def test_the_summary_suits_one_small_picture(call: Call, photos: str) -> None:
    """The summary says `1 picture`, not `1 pictures`, and does not round its pixels to 0."""
    outcome = call("train", f"{photos}/0.png", "-o", "mine.npz", "--taps", 5, "--samples", 5000)
    assert b"trained on 1 picture (7544 pixels), 0 skipped" in outcome.out


def test_a_resize_conv_kernel_is_refused_by_tconv(call: Call, photos: str) -> None:
    """The error names the method that the kernel is for."""
    options = ["-o", "boxed.npz", "-m", "resize-conv", "--taps", 3, "--samples", 2000, "-q"]
    assert call("train", photos, *options) == Outcome(0, b"", "")
    assert call("in.png", "out.png", "-m", "resize-conv", "-k", "boxed.npz").code == 0
    check_refused(
        call("in.png", "two.png", "-k", "boxed.npz"), 2, "is for resize-conv, not tconv; pass -m"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (["photos", "-o", "mine.npy"], 2, "mine.npy is not a .npz"),
        (["nowhere", "-o", "mine.npz"], 1, "no file or folder nowhere"),
        (["in.png", "-o", "mine.npz"], 1, "no picture can be used (in.png is 24x20, too small);"),
        (["photos", "-o", "no/mine.npz"], 1, "no folder no"),
        (["photos", "-o", "old.npz"], 1, "old.npz exists; pass --force"),
        (["photos", "-o", "mine.npz", "--taps", "4"], 2, "invalid --taps 4"),
        (["photos", "-o", "mine.npz", "--shrink", "box"], 2, "invalid --shrink 'box'"),
        (["photos"], 2, "--output"),
        (["photos", "-o", "n.npz", "--steps", "9"], 2, "--steps is for network, not for tconv"),
        (["photos", "-o", "n.npz", "-m", "network", "--taps", "9"], 2, "--taps is for tconv and"),
        (["photos", "-o", "n.npz", "-m", "network", "--full"], 2, "--full is for tconv and"),
    ],
)
def test_wrong_train_arguments_are_refused(
    call: Call, photos: str, folder: Path, arguments: list[str], code: int, fault: str
) -> None:
    """A wrong argument is reported in one line, and nothing is written."""
    (folder / "old.npz").write_bytes(b"old")
    before = contents(folder)
    check_refused(call("train", *arguments), code, fault)
    assert contents(folder) == before


def test_a_trained_network_can_be_used(call: Call, photos: str, folder: Path) -> None:
    """Training tells how far it is; --weights and `audit` accept the file that it writes."""
    pytest.importorskip("torch", reason="an extra; its wheel is gigabytes")
    options = ["--method", "network", "--steps", 3, "--degrade", "clean"]
    for seed in range(4):
        samples = np.round(natural_texture(200, 210, seed)[0] * 255).astype(np.uint8)
        PIL.Image.fromarray(samples).save(folder / photos / f"{seed}.png")
    outcome = call("train", photos, "-o", "net.npz", *options)
    assert outcome.code == 0, outcome.err
    assert re.fullmatch(
        rb"net\.npz  network x2  step 3  held-out PSNR, dB: network [\d.]+, learned [\d.]+, "
        rb"bicubic [\d.]+  exact ripple 0\.0000  [\d.]+ s\n",
        outcome.out,
    )
    assert re.fullmatch(r"(note: step [03], 1?0?0%: held-out PSNR, dB: .*\n){2}", outcome.err)
    assert b"network net.npz x2" in call("in.png", "out.png", "-m", "network",
                                         "--weights", "net.npz").out  # fmt: skip
    again = call("train", photos, "-o", "more.npz", *options, "--start", "net.npz", "-q")
    assert again == Outcome(0, b"", "")
    lent = call("train", photos, "-o", "lent.npz", *options, "--start", "net.npz", "-s", 3)
    note = "note: net.npz is for scale 2: its body is used, and its last layer begins anew\n"
    assert lent.err.startswith(note)
    audit = call("audit", "net.npz", "--max-ripple", "0.00005", "--max-levels", "0.005")
    assert (audit.code, audit.err) == (0, "")
    assert b"whole network  tconv  6x6     2x2     yes      0.0000" in audit.out


def test_training_in_vain_is_noted(
    call: Call, photos: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no test beats the start, the file holds the start, and a note says so."""
    pytest.importorskip("torch", reason="an extra; its wheel is gigabytes")
    from upsample_cli.jobs.train import network_training as job

    for name, value in {"_RATE_ON": 1.0, "_BATCH": 2, "_HELD_OUT": 2, "_POOL": 4}.items():
        monkeypatch.setattr(job, name, value)
    for seed in range(2):
        samples = np.round(natural_texture(200, 210, seed)[0] * 255).astype(np.uint8)
        PIL.Image.fromarray(samples).save(folder / photos / f"{seed}.png")
    options = ["-m", "network", "--start", "clean", "--steps", 2]
    outcome = call("train", photos, "-o", "net.npz", *options)
    assert (outcome.code, b"network x2  step 0  " in outcome.out) == (0, True)
    note = "note: training did not help: net.npz holds the start; train longer"
    assert outcome.err.splitlines()[2] == note
    shown = call("train", photos, "-o", "net.npz", *options, "-f", "-q")
    assert shown == Outcome(0, b"", "")


def test_a_network_needs_torch(call: Call, photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyTorch the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "torch", None)
    outcome = call("train", photos, "-o", "net.npz", "-m", "network")
    check_refused(outcome, 2, 'torch, which is not installed; pip install "upsample-cli[train]"')


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 0), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_keeps_the_best_network(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    """Whatever ends a training, what it has learned is written."""
    pytest.importorskip("torch", reason="an extra; its wheel is gigabytes")
    from upsample_cli.jobs.train.network_training import Pairs

    samples = np.round(natural_texture(150, 140, 0)[0] * 255).astype(np.uint8)
    PIL.Image.fromarray(samples).save(folder / "photo.png")
    calls, batch = [0], Pairs.batch

    def interrupted(self: Pairs, count: int, side: int) -> object:
        """Return patches, and send a signal after two steps."""
        calls[0] += 1
        if calls[0] > 2:
            signal.raise_signal(getattr(signal, name))
        return batch(self, count, side)

    monkeypatch.setattr(Pairs, "batch", interrupted)
    numbers = (signal.SIGINT, *process.END_SIGNALS)
    before = [signal.signal(number, process.raise_for_signal) for number in numbers]
    try:
        outcome = call("train", "photo.png", "-o", "net.npz", "-m", "network", "--minutes", 9)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    assert (outcome.code, "note: step 2, " in outcome.err) == (code, True), outcome.err
    assert outcome.out.startswith(b"net.npz  network x2  step 2  ")
    assert b"whole network  tconv" in call("audit", "net.npz").out


def test_a_machine_that_stops_leaves_the_best_network(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best so far is written at each test; a file that is not of this training stays."""
    pytest.importorskip("torch", reason="an extra; its wheel is gigabytes")
    from upsample_cli.jobs.train import network_training as job
    from upsample_cli.kernels.network_weights import load_network

    samples = np.round(natural_texture(150, 140, 0)[0] * 255).astype(np.uint8)
    PIL.Image.fromarray(samples).save(folder / "photo.png")
    calls, batch = [0], job.Pairs.batch

    def stopped(self: job.Pairs, count: int, side: int) -> object:
        """Return patches, and stop without notice after three steps."""
        calls[0] += 1
        if calls[0] > 3:
            raise RuntimeError("no power")
        return batch(self, count, side)

    monkeypatch.setattr(job.Pairs, "batch", stopped)
    monkeypatch.setattr(job, "_TEST_INTERVAL", 1)
    options = ["train", "photo.png", "-o", "net.npz", "-m", "network", "--steps", 9, "-q"]
    with pytest.raises(RuntimeError, match="no power"):
        call(*options)
    assert load_network(str(folder / "net.npz")).about["steps"] == 3
    check_refused(call(*options), 1, "net.npz exists")
    (folder / "net.npz").unlink()
    calls[0] = 0

    def taken(self: job.Pairs, count: int, side: int) -> object:
        """Return patches; another program writes the file meanwhile."""
        (folder / "net.npz").write_bytes(b"old")
        return batch(self, count, side)

    monkeypatch.setattr(job.Pairs, "batch", taken)
    outcome = call(*options[:-1])  # not quiet
    assert outcome.err.count("note: the best so far is not kept: net.npz exists; ") == 1
    assert (folder / "net.npz").read_bytes() == b"old"


def test_a_full_disk_everywhere_is_named(
    call: Call, photos: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the temporary folder is full too, the error names the output, and no half file stays."""

    def full(*_: object) -> None:
        """Fail as on a full disk."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (folder / "temporary").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        patch.setattr(os, "fsync", full)
        patch.setattr(Path, "write_bytes", full)
        outcome = call("train", photos, "-o", "mine.npz", "--taps", 3, "--samples", 2000)
    check_refused(outcome, 1, "cannot write mine.npz: No space left on device; choose another")
    assert list((folder / "temporary").iterdir()) == []


def test_steps_and_minutes_exclude_each_other(call: Call) -> None:
    """Both say when a training ends; --minutes counts as given even where it is the default."""
    ends = ("--steps", 5, "--minutes", 10)
    outcome = call("train", "in.png", "-o", "net.npz", "-m", "network", *ends)
    check_refused(outcome, 2, "--steps and --minutes cannot be used together; leave one out")
