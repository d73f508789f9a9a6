"""Outputs that cannot be written: one line, the right exit code, and nothing left behind."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import faults
import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused, contents
from textures import texture_samples, write_truncated

PICTURE, USAGE = 1, 2


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("no/out.png", "no folder no"),
        ("in.png/out.png", "in.png is a file, not a folder; name another output"),
        ("old.png", "old.png exists; pass --force"),
        ("in.png", "in.png is also the input"),
        ("./in.png", "is also the input"),
        ("out.xyz", "no format '.xyz'"),
        ("a" * 300 + ".png", "a.png"),
    ],
    ids=["folder", "file", "existing", "input", "dot", "suffix", "long"],
)
def test_impossible_targets_are_refused(
    call: Callable[..., Outcome], folder: Path, target: str, fault: str
) -> None:
    """A missing folder, an existing file or an unknown format is reported."""
    (folder / "old.png").write_bytes(b"old")
    before = contents(folder)
    check_refused(call("in.png", target), PICTURE, fault)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("maps.npy kernel.npy --kernel kernel.npy", "kernel.npy"),
        ("maps.npy net.npz -m tconv --kernel net.npz", "net.npz"),
        ("layer maps.npy weights.npy -w weights.npy", "weights.npy"),
        ("layer maps.npy bias.npy -w weights.npy --bias bias.npy", "bias.npy"),
        ("repair in.png -o low.png --reference low.png", "low.png"),
        ("repair in.png -o out.png --map low.png --reference low.png", "low.png"),
        ("measure in.png --reference low.png --map low.png", "low.png"),
        ("measure in.png --reference low.png --spectrum link.png", "link.png"),
        ("compare low.png --reference in.png -o in.png", "in.png"),
        ("train many -o net.npz -m network --start net.npz", "net.npz"),
    ],
)
def test_no_input_is_overwritten(
    call: Callable[..., Outcome], folder: Path, command: str, target: str
) -> None:
    """Files that options name are inputs too, and --force does not replace them."""
    PIL.Image.fromarray(texture_samples(10, 12, 3)).save(folder / "low.png")
    (folder / "link.png").symlink_to("low.png")
    np.save(folder / "maps.npy", np.ones((1, 8, 8), np.float32))
    np.save(folder / "weights.npy", np.ones((1, 1, 2, 2), np.float32))
    np.save(folder / "bias.npy", np.ones(1, np.float32))
    np.save(folder / "kernel.npy", np.ones((4, 4)))
    (folder / "net.npz").write_bytes(b"old")
    before = contents(folder)
    check_refused(call(*command.split(), "-f"), PICTURE, f"{target} is also the input; name")
    assert contents(folder) == before


@pytest.mark.parametrize("names", [("in.png", ""), ("", "out.png"), ("in.png", "", "many/")])
def test_an_empty_name_is_refused(
    call: Callable[..., Outcome], folder: Path, names: tuple[str, ...]
) -> None:
    """An unset shell variable as a name means neither this folder nor the root folder."""
    before = contents(folder)
    check_refused(call(*names), USAGE, "a file name is empty (is a shell variable not set?)")
    assert contents(folder) == before


@pytest.mark.parametrize("arguments", ["in.png out/in.png", "many out/"])
def test_a_file_that_appears_during_the_run_is_kept(tmp_path: Path, arguments: str) -> None:
    """A file that another program writes at the output's path meanwhile is not replaced."""
    for name in ("many", "out"):
        (tmp_path / name).mkdir()
    for name in ("in.png", "many/in.png"):
        PIL.Image.fromarray(texture_samples(256, 256, 3)).save(tmp_path / name)
    command = [sys.executable, "-m", "upsample_cli", *arguments.split(), "-s", "8", "-j", "1",
               "--compression", "9", "-q"]  # fmt: skip
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        faults.wait_until(lambda: list((tmp_path / "out").glob("*.part")))
        (tmp_path / "out" / "in.png").write_bytes(b"precious")
        _, err = process.communicate()
    check_refused(Outcome(process.returncode, b"", err), PICTURE, "in.png exists; pass --force")
    assert (tmp_path / "out" / "in.png").read_bytes() == b"precious"
    assert list((tmp_path / "out").glob(".*")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has one")
def test_a_full_disk_is_reported(call: Callable[..., Outcome]) -> None:
    """A device without space is an error with the system's reason."""
    outcome = call("in.png", "/dev/full", "--format", "png")
    check_refused(outcome, PICTURE, "cannot write /dev/full: No space left on device")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="root writes anywhere without it")
@pytest.mark.parametrize("words", ["no.png closed/o.png", "train in.png -o closed/k.npz -f"])
def test_a_closed_folder_is_refused_before_the_work(folder: Path, words: str) -> None:
    """That nothing can be written is an error before the input is read: training takes hours."""
    (folder / "closed").mkdir(mode=0o555)
    as_user = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    command = [*(as_user if os.geteuid() == 0 else ()), sys.executable, "-m", "upsample_cli"]
    run = subprocess.run([*command, *words.split()], cwd=folder, capture_output=True, check=False)
    fault = f"cannot write {words.split()[-1 - words.endswith('-f')]}: Permission denied"
    check_refused(Outcome(run.returncode, run.stdout, run.stderr.decode()), PICTURE, fault)


def test_a_folder_is_refused_for_standard_output(
    call: Callable[..., Outcome], folder: Path
) -> None:
    """Several pictures cannot go through one pipe, and `-` is not a folder's name."""
    (folder / "many").mkdir()
    PIL.Image.fromarray(texture_samples(8, 8, 3)).save(folder / "many" / "a.png")
    before = contents(folder)
    outcome = call("many", "-")
    assert contents(folder) == before
    assert outcome.code in (PICTURE, USAGE)
    check_refused(outcome, outcome.code, "folder")


def test_transparency_is_refused_for_jpeg(call: Callable[..., Outcome], folder: Path) -> None:
    """A transparent picture does not silently become opaque."""
    PIL.Image.fromarray(texture_samples(8, 8, 4)).save(folder / "clear.png")
    check_refused(call("clear.png", "out.jpg"), PICTURE, "JPEG cannot hold transparency")
    assert not (folder / "out.jpg").exists()


def test_a_failed_run_keeps_the_old_file(call: Callable[..., Outcome], folder: Path) -> None:
    """Even with --force a failed run does not change the existing file."""
    write_truncated(folder, "cut.png")
    (folder / "old.png").write_bytes(b"old")
    before = contents(folder)
    check_refused(call("cut.png", "old.png", "--force"), PICTURE, "cut.png is damaged")
    assert contents(folder) == before


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tif", "bmp"])
def test_a_comment_is_kept_or_its_loss_is_noted(
    call: Callable[..., Outcome], folder: Path, suffix: str
) -> None:
    """A note names the comment if and only if the output lacks it."""
    PIL.Image.new("RGB", (8, 8)).save(folder / "in.jpg", comment=b"a cat")
    is_noted = "cannot hold its comment" in call("in.jpg", f"out.{suffix}").err
    assert is_noted == (b"a cat" not in (folder / f"out.{suffix}").read_bytes())


@pytest.mark.skipif(os.name == "nt", reason="has no such modes")
def test_an_output_is_no_more_open_than_its_input(
    call: Callable[..., Outcome], folder: Path
) -> None:
    """It has the input's mode under the umask; --force keeps the target's, through a link too."""
    (folder / "in.png").chmod(0o600)
    assert call("in.png", "out.png", "-q").code == 0
    assert (folder / "out.png").stat().st_mode & 0o777 == 0o600
    (folder / "out.png").chmod(0o640)
    (folder / "link.png").symlink_to("out.png")
    assert call("in.png", "link.png", "-q", "--force").code == 0
    assert (folder / "link.png").is_symlink()
    assert (folder / "out.png").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name == "nt", reason="has no such modes")
@pytest.mark.parametrize("words", [
    "repair in.png -o out.png", "repair in.png -o other.png --map out.png --stride 2",
    "measure in.png --map out.png --stride 2", "measure in.png --spectrum out.png --stride 2",
    "in.npy out.npy -m tconv",
])  # fmt: skip
def test_what_is_made_of_a_private_file_is_private(
    call: Callable[..., Outcome], folder: Path, words: str
) -> None:
    """A repaired picture, a map, a spectrum and feature maps are no more open than the input."""
    np.save(folder / "in.npy", np.ones((2, 4, 4), np.float32))
    for name in ("in.png", "in.npy"):
        (folder / name).chmod(0o600)
    assert call(*words.split()).code == 0
    out = folder / ("out.npy" if "npy" in words else "out.png")
    assert out.stat().st_mode & 0o777 == 0o600
