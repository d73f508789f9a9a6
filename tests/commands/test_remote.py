"""Objects in a store: a real S3 server on loopback, the command as processes of its own."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import faults
import numpy as np
import PIL.Image
import pytest
from objects import Bucket, Server
from terminal import Outcome, check_refused, contents, imported, shell
from textures import levels

Call = Callable[..., Outcome]
COUNT, SLOW = 6, 3  # pictures, and the one that does not come
HEAD = [sys.executable, "-W", "error", "-m", "upsample_cli"]
HEAD_BYTES = 1 << 16
TREE = ("a.png", "b.jpg", "deep/c.png", "deep/er/d.webp")


def picture(height: int = 20, width: int = 24, suffix: str = "png") -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(levels(height, width, 3)).save(file, suffix.replace("jpg", "jpeg"))
    return file.getvalue()


def fill(bucket: Bucket, *keys: str) -> None:
    for number, key in enumerate(keys):
        bucket.put(key, picture(20 + number, 24, key.rpartition(".")[2]))


def size(data: bytes) -> tuple[int, int]:
    """Return the size of a picture, all of which decodes."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        opened.load()
        return opened.size


def rows(data: bytes) -> list[tuple[str, str]]:
    found = csv.DictReader(io.StringIO(data.decode()))
    return [(row["input"].rpartition("/")[2], row["status"]) for row in found]


def test_a_store_gets_the_bytes_that_a_folder_gets(
    bucket: Bucket, call: Call, folder: Path
) -> None:
    """A tree of objects becomes the files that it becomes on a disk, by any number of workers."""
    fill(bucket, *[f"in/{key}" for key in TREE])
    for key, data in bucket.contents("in/").items():
        (folder / "in" / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / key).write_bytes(data)
    assert call("in", "out", "-q", "-j", 1).code == 0
    expected = {name: data for name, data in contents(folder / "out").items() if data}
    expected.pop("checkerboard.csv")
    for jobs, run in ((1, call), (2, shell)):
        outcome = run(f"{bucket.url}/in", f"{bucket.url}/out{jobs}", "-j", jobs)
        assert (outcome.code, outcome.err) == (0, "4 done, 0 skipped, 0 failed\n")
        made = bucket.contents(f"out{jobs}/")
        report = made.pop("checkerboard.csv")
        assert made == expected
        assert rows(report) == [(key.rpartition("/")[2], "done") for key in TREE]
    assert (bucket.kind("out1/a.png"), bucket.kind("out1/b.jpg")) == ("image/png", "image/jpeg")


def test_one_side_may_be_a_disk(bucket: Bucket, call: Call, folder: Path) -> None:
    """Folders go to a store and objects to a folder; so do single files."""
    (folder / "in").mkdir()
    (folder / "in" / "a.png").write_bytes(picture())
    assert call("in", f"{bucket.url}/up/", "-j", 1).code == 0
    assert call(f"{bucket.url}/up", "down", "-j", 1, "--include", "*.png").code == 0
    assert bucket.keys() == ["up/a.png", "up/checkerboard.csv"]
    assert size((folder / "down" / "a.png").read_bytes()) == (96, 80)
    assert call("in/a.png", f"{bucket.url}/b.png").code == 0
    assert call(f"{bucket.url}/b.png", "c.png").code == 0
    assert (folder / "c.png").read_bytes() == (folder / "down" / "a.png").read_bytes()
    assert call("measure", f"{bucket.url}/b.png").code == 0


def test_a_report_may_be_elsewhere(bucket: Bucket, call: Call, folder: Path) -> None:
    """--report names a file, written row by row, or an object, whatever the output is."""
    fill(bucket, "in/a.png")
    call(f"{bucket.url}/in", f"{bucket.url}/out", "-q", "-j", 1, "--report", "rows.csv")
    assert rows((folder / "rows.csv").read_bytes()) == [("a.png", "done")]
    assert bucket.keys("out/") == ["out/a.png"]
    assert call("in.png", "out.png", "-q", "--report", f"{bucket.url}/rows.csv").code == 0
    bucket.put("other.csv", b"name,age\n")
    refused = call("in.png", "o.png", "--report", f"{bucket.url}/other.csv")
    check_refused(refused, 2, f"{bucket.url}/other.csv has other columns")
    assert rows(bucket.get("rows.csv")) == [("in.png", "done")]
    assert bucket.get("other.csv") == b"name,age\n"


def test_files_do_not_wait_for_the_library_of_urls(folder: Path) -> None:
    """A run on files alone imports nothing that only URLs need."""
    assert {"fsspec", "tempfile"} & imported("in.png", "o.png", folder=folder) == set()


def test_feature_maps_and_masks_are_objects_too(bucket: Bucket, call: Call, folder: Path) -> None:
    """Whatever reads a file reads an object."""
    np.save(folder / "maps.npy", np.ones((3, 4, 5), np.float32))
    assert call("maps.npy", f"{bucket.url}/maps.npy").code == 0
    assert call(f"{bucket.url}/maps.npy", "larger.npy").code == 0
    assert np.load(folder / "larger.npy").shape == (3, 16, 20)
    PIL.Image.fromarray(levels(8, 8, 1)[..., 0]).save(folder / "mask.png")
    assert call("mask.png", f"{bucket.url}/mask.png", "--labels", "-m", "nearest").code == 0
    assert size(bucket.get("mask.png")) == (16, 16)


def test_globs_choose_and_a_dry_run_tells(bucket: Bucket, call: Call) -> None:
    """The plan of a prefix is that of a folder: sorted, chosen by globs, hidden names left out."""
    fill(bucket, "in/b.png", "in/a.jpg", "in/thumbs/a.png", "in/.c.png", "out/b.png")
    bucket.put("in/thumbs/", b"")  # as consoles make folders
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "--dry-run", "--exclude", "thumbs")
    assert outcome.out.decode().replace(bucket.url, "") == (
        "/in/a.jpg -> /out/a.jpg\n/in/b.png -> /out/b.png  (is there already)\n"
    )
    assert outcome.err == "note: 1 hidden file or folder is left out\n"
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "--include", "*.gif").code == 3


def test_an_object_and_a_folder_may_have_one_name(bucket: Bucket, call: Call) -> None:
    """Both the object and what is below its name are enlarged."""
    fill(bucket, "in/a.png", "in/a.png/b.png")
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "-j", 1).code == 0
    assert bucket.keys("out/a") == ["out/a.png", "out/a.png/b.png"]


def test_several_inputs_go_below_a_prefix(bucket: Bucket, call: Call, folder: Path) -> None:
    """Objects, folders of them and files go where no object is yet."""
    fill(bucket, "x/a.png", "y/b.jpg")
    inputs = f"{bucket.url}/x/a.png", "in.png", f"{bucket.url}/y"
    assert call(*inputs, f"{bucket.url}/out", "-q", "-j", 1).code == 0
    assert bucket.keys("out/") == [
        "out/a.png", "out/checkerboard.csv", "out/in.png", "out/y/b.jpg"
    ]  # fmt: skip


def test_names_may_be_urls(bucket: Bucket, call: Call, folder: Path) -> None:
    """--files-from takes URLs, which keep their folders, but never leave the output folder."""
    fill(bucket, "x/a.png", "y/a.png", "z/c.png", "../../d.png")
    names = [f"{bucket.url}/{key}" for key in ("x/a.png", "y/a.png", "z/", "../../d.png")]
    outcome = call("--files-from", "-", "out", "-q", "-j", 1, stdin="\n".join(names).encode())
    assert outcome.code == 0
    assert sorted(name for name, data in contents(folder / "out").items() if data) == [
        "checkerboard.csv", "d.png", "x/a.png", "y/a.png", "z/c.png"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["{}/in", "{}/in/out"], "/in/out lies within"),
        (["{}", "{}/out"], "/out lies within"),
        (["{}/in", "{}/out", "--format", "webp"], "would both become"),
        (["{}/in", "{}/old.png"], "/old.png is a file"),
        (["{}/in", "old.png"], "old.png is a file"),
        (["{}/in/a.png", "in.png", "{}/old.png"], "/old.png is none"),
        (["{}/in", "s3://nowhere/out"], "no bucket s3://nowhere; make it"),
        (["s3://nowhere/in", "out"], "cannot read s3://nowhere/in: The specified bucket"),
        (["{}/no", "out"], "/no: not there; check the name"),
        (["{}/no.png", "out.png"], "/no.png: not there; check the name"),
        (["in.png", "{}/old.png"], "/old.png exists; pass --force"),
        (["in.png", "s3://nowhere/o.png"], "cannot write s3://nowhere/o.png: The specified bucket"),
        (["{}/old.png", "{}/old.png"], "is the input too"),
        (["in.png", "http://127.0.0.1:9/o.png"], "can only be read; write to"),
        (["in.png", "nonsense://o.png"], "cannot open nonsense://o.png"),
        (["in.png", "gs://b/o.png"], 'by: pip install "upsample-cli[remote]"'),
    ],
)
def test_what_cannot_be_is_one_line(
    bucket: Bucket, call: Call, folder: Path, arguments: list[str], fault: str
) -> None:
    """A plan that cannot be, and what is not there, is told before anything is put."""
    fill(bucket, "in/a.png", "in/a.jpg", "old.png")
    (folder / "old.png").write_bytes(picture())
    before = bucket.keys()
    outcome = call(*[each.format(bucket.url) for each in arguments])
    check_refused(outcome, outcome.code, fault)
    assert outcome.code in (1, 2)
    assert bucket.keys() == before


def test_a_store_that_does_not_answer_is_told(
    call: Call, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection is one line, after as many attempts as the environment says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    check_refused(shell("s3://some/in", "out"), 1, "Could not connect to the endpoint URL")


@contextmanager
def started(bucket: Bucket, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a run of two workers from one prefix to another, and what it needs meanwhile here."""
    command = [*HEAD, f"{bucket.url}/in", f"{bucket.url}/out", "-j", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()  # a test that fails is not to wait for what does not come


def held_up(bucket: Bucket) -> None:
    """Put pictures, one of which does not come until the server releases it."""
    fill(bucket, *[f"in/{number}.png" for number in range(COUNT)])
    bucket.server.held.add(("GET", f"/{bucket.name}/in/{SLOW}.png"))


def test_a_killed_run_is_gone_on_with(bucket: Bucket, call: Call, tmp_path: Path) -> None:
    """After kill -9 half-way --skip-existing completes the objects, and every one decodes."""
    held_up(bucket)
    with started(bucket, tmp_path) as process:
        faults.until(lambda: len(bucket.keys("out/")) >= COUNT - 2)
        left = faults.workers(process)
        assert len(left) == 2
        process.kill()
    faults.until(lambda: not any(map(faults.is_alive, left)))
    bucket.server.release()
    again = call(f"{bucket.url}/in", f"{bucket.url}/out", "--skip-existing", "-j", 1)
    # A worker may have ended the other one that was under way when the run was killed.
    assert again.err in {f"{n} done, {COUNT - n} skipped, 0 failed\n" for n in (1, 2)}
    made = bucket.contents("out/")
    report = made.pop("checkerboard.csv")
    assert [size(made[f"{number}.png"]) for number in range(COUNT)] == [
        (48, 40 + 2 * number) for number in range(COUNT)
    ]
    assert len(rows(report)) == COUNT
    assert bucket.unfinished() == []


def test_ctrl_c_puts_the_report(bucket: Bucket, tmp_path: Path) -> None:
    """A stopped run ends its pictures, and its rows are put."""
    held_up(bucket)
    with started(bucket, tmp_path) as process:
        faults.until(lambda: len(bucket.keys("out/")) >= COUNT - 2)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr.readline().startswith("note: stopping")
        bucket.server.release()
        process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 130
    assert len(rows(bucket.get("out/checkerboard.csv"))) == COUNT
    assert list(tmp_path.iterdir()) == []


def test_one_failure_costs_only_itself(bucket: Bucket, call: Call) -> None:
    """A corrupt object, and one that may not be put, are named; nothing of them is put."""
    fill(bucket, "in/a.png", "in/b.png", "in/c.png")
    bucket.put("in/cut.png", picture(64, 64)[:-2000])
    bucket.put("in/empty.png", b"")
    bucket.put("in/notes.txt", b"text")
    bucket.server.refused["PUT", f"/{bucket.name}/out/b.png"] = (403, "AccessDenied")
    bucket.server.refused["GET", f"/{bucket.name}/in/c.png"] = (403, "AccessDenied")
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "-j", 1)
    assert outcome.code == 1
    assert outcome.err.endswith("1 done, 1 skipped, 4 failed\n")
    assert f"Error: {bucket.url}/in/cut.png is broken" in outcome.err
    assert f"Error: {bucket.url}/in/empty.png is no picture" in outcome.err
    denied = "It says AccessDenied, check the address and the credentials"
    assert f"Error: cannot write {bucket.url}/out/b.png: {denied}" in outcome.err.replace(";", ",")
    assert f"Error: cannot read {bucket.url}/in/c.png: {denied}" in outcome.err.replace(";", ",")
    assert bucket.keys("out/") == ["out/a.png", "out/checkerboard.csv"]
    assert bucket.unfinished() == []


def test_nothing_is_overwritten_unless_forced(bucket: Bucket, call: Call) -> None:
    """An object that is there is refused and stays as it is; --force replaces it."""
    fill(bucket, "in/a.png", "in/b.png")
    bucket.put("out/a.png", b"precious")
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "-j", 1)
    assert outcome.code == 1
    assert f"Error: {bucket.url}/out/a.png exists; pass --force to replace it" in outcome.err
    assert bucket.get("out/a.png") == b"precious"
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "-j", 1, "--force").code == 0
    assert size(bucket.get("out/a.png")) == (48, 40)
    assert rows(bucket.get("out/checkerboard.csv")) == [("a.png", "done"), ("b.png", "done")]


def test_what_is_not_what_would_be_made_is_made_again(bucket: Bucket, call: Call) -> None:
    """An object of another size, and one that is none, are made again by --skip-existing."""
    fill(bucket, "in/a.png", "in/b.png", "in/c.png")
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "-q", "-j", 1).code == 0
    whole = bucket.contents("out/")
    bucket.put("out/a.png", picture(7, 5))
    bucket.put("out/b.png", b"text")
    again = call(f"{bucket.url}/in", f"{bucket.url}/out", "--skip-existing", "-j", 1)
    assert again.err.endswith("2 done, 1 skipped, 0 failed\n")
    assert "replaced the old output, which is 5x7" in again.err
    made = bucket.contents("out/")
    before = rows(whole["checkerboard.csv"])
    assert rows(made.pop("checkerboard.csv")) == [*before, ("a.png", "done"), ("b.png", "done")]
    assert made == {key: data for key, data in whole.items() if key in made}
    assert len(made) == 3


def test_update_compares_the_times_of_objects(bucket: Bucket, call: Call, folder: Path) -> None:
    """--update makes again what was put before its input was."""
    (folder / "in").mkdir()
    for name in ("old.png", "new.png"):
        (folder / "in" / name).write_bytes(picture())
        os.utime(folder / "in" / name, (1, 1))
    assert call("in", f"{bucket.url}/out", "-q", "-j", 1).code == 0
    future = time.time() + 1000
    os.utime(folder / "in" / "new.png", (future, future))
    outcome = call("in", f"{bucket.url}/out", "--update", "-j", 1)
    assert outcome.err.endswith("1 done, 1 skipped, 0 failed\n")
    assert "in/new.png: replaced the old output, which is older than the input" in outcome.err
    assert call("in/new.png", f"{bucket.url}/out/old.png", "--update", "-q").code == 0
    assert call("in/old.png", f"{bucket.url}/out/old.png", "--skip-existing", "-q").code == 3


def test_a_run_goes_on_by_listing(bucket: Bucket, call: Call) -> None:
    """Objects that are there are neither asked for one by one nor read but for their heads."""
    fill(bucket, *[f"in/{number}.png" for number in range(3)], "in/deep/3.png")
    bucket.put("in/large.png", large := picture(400, 400))
    assert len(large) > 4 * HEAD_BYTES
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "-q", "-j", 1).code == 0
    bucket.server.requests.clear()
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "--skip-existing", "-j", 1).code == 3
    asked = bucket.server.requests
    read = [each for each in asked if each.method == "GET" and not each.query]
    assert all(each.range == f"bytes=0-{HEAD_BYTES - 1}" for each in read if "csv" not in each.path)
    assert len(read) == 2 * 5 + 1  # inputs, outputs, and the report
    heads = [each.path for each in asked if each.method == "HEAD"]
    assert not any(path.endswith(".png") for path in heads)
    listings = [each for each in asked if "list-type=2" in each.query]
    whole = [each for each in listings if "max-keys=1&" not in each.query]
    assert len(whole) == 2 * 3  # each prefix: its input to count and to begin, its outputs
    assert not any(each.method == "PUT" for each in asked)
