"""Pictures in an object store: a real S3 server on loopback and real processes."""

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
from terminal import Outcome, check_refused, contents, imported_modules, run_process
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.folder import Folder
from upsample_cli.jobs.batch import outputs

Call = Callable[..., Outcome]
COUNT, SLOW = 6, 3  # number of pictures; index of the one that the server holds back
COMMAND = [sys.executable, "-W", "error", "-m", "upsample_cli"]
HEAD_BYTES = 1 << 16
pytestmark = pytest.mark.usefixtures("in_threads")  # but for runs in a process of their own
KEYS = ("a.png", "b.jpg", "deep/c.png", "deep/er/d.webp")


def picture(height: int = 20, width: int = 24, suffix: str = "png") -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(texture_samples(height, width, 3)).save(file, suffix.replace("jpg", "jpeg"))
    return file.getvalue()


def fill(bucket: Bucket, *keys: str) -> None:
    for number, key in enumerate(keys):
        bucket.put(key, picture(20 + number, 24, key.rpartition(".")[2]))


def size(data: bytes) -> tuple[int, int]:
    """Return the size of a picture, and check that it decodes."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        opened.load()
        return opened.size


def report_rows(data: bytes) -> list[tuple[str, str]]:
    reader = csv.DictReader(io.StringIO(data.decode()))
    return [(row["input"].rpartition("/")[2], row["status"]) for row in reader]


def test_a_store_and_a_folder_get_the_same_bytes(bucket: Bucket, call: Call, folder: Path) -> None:
    """Objects become the same files as pictures on a disk, with one worker and with two."""
    fill(bucket, *[f"in/{key}" for key in KEYS])
    for key, data in bucket.contents("in/").items():
        (folder / "in" / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / key).write_bytes(data)
    assert call("in", "out", "-q", "-j", 1).code == 0
    expected = {name: data for name, data in contents(folder / "out").items() if data}
    expected.pop("checkerboard.csv")
    for jobs, run_command in ((1, call), (2, run_process)):
        outcome = run_command(f"{bucket.url}/in", f"{bucket.url}/out{jobs}", "-j", jobs)
        assert (outcome.code, outcome.err) == (0, "4 done, 0 skipped, 0 failed\n")
        actual = bucket.contents(f"out{jobs}/")
        report = actual.pop("checkerboard.csv")
        assert actual == expected
        assert report_rows(report) == [(key.rpartition("/")[2], "done") for key in KEYS]
    assert bucket.content_type("out1/a.png") == "image/png"
    assert bucket.content_type("out1/b.jpg") == "image/jpeg"


def test_inputs_or_outputs_may_be_on_a_disk(bucket: Bucket, call: Call, folder: Path) -> None:
    """A folder can go to a store and back, and so can a single file."""
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


def test_the_report_may_be_a_file_or_an_object(bucket: Bucket, call: Call, folder: Path) -> None:
    """--report names a file or an object, wherever the outputs are."""
    fill(bucket, "in/a.png")
    call(f"{bucket.url}/in", f"{bucket.url}/out", "-q", "-j", 1, "--report", "rows.csv")
    assert report_rows((folder / "rows.csv").read_bytes()) == [("a.png", "done")]
    assert bucket.keys("out/") == ["out/a.png"]
    assert call("in.png", "out.png", "-q", "--report", f"{bucket.url}/rows.csv").code == 0
    bucket.put("other.csv", b"name,age\n")
    outcome = call("in.png", "o.png", "--report", f"{bucket.url}/other.csv")
    check_refused(outcome, 2, f"{bucket.url}/other.csv is not a report")
    assert report_rows(bucket.get("rows.csv")) == [("in.png", "done")]
    assert bucket.get("other.csv") == b"name,age\n"


def test_a_run_on_files_does_not_import_fsspec(folder: Path) -> None:
    """A run on files imports nothing that only URLs need."""
    assert {"fsspec", "s3fs"} & imported_modules("in.png", "o.png", folder=folder) == set()


def test_feature_maps_and_masks_may_be_objects(bucket: Bucket, call: Call, folder: Path) -> None:
    """Feature maps and masks are read from and written to a store."""
    np.save(folder / "maps.npy", np.ones((3, 4, 5), np.float32))
    assert call("maps.npy", f"{bucket.url}/maps.npy").code == 0
    assert call(f"{bucket.url}/maps.npy", "larger.npy").code == 0
    assert np.load(folder / "larger.npy").shape == (3, 16, 20)
    PIL.Image.fromarray(texture_samples(8, 8, 1)[..., 0]).save(folder / "mask.png")
    assert call("mask.png", f"{bucket.url}/mask.png", "--labels", "-m", "nearest").code == 0
    assert size(bucket.get("mask.png")) == (16, 16)


def test_globs_and_dry_runs_work_in_a_store(bucket: Bucket, call: Call) -> None:
    """A prefix gives the same plan as a folder: sorted, filtered, without hidden names."""
    fill(bucket, "in/b.png", "in/a.jpg", "in/thumbs/a.png", "in/.c.png", "out/b.png")
    bucket.put("in/thumbs/", b"")  # consoles create folders as empty objects
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "--dry-run", "--exclude", "thumbs")
    assert outcome.out.decode().replace(bucket.url, "") == (
        "/in/a.jpg -> /out/a.jpg\n/in/b.png -> /out/b.png  (already exists: needs --force)\n"
    )
    assert outcome.err == "note: 1 hidden file or folder is left out\n"
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "--include", "*.gif").code == 3


def test_a_dry_run_goes_on_where_outputs_cannot_be_looked_up(
    bucket: Bucket, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan says so beside the picture, as a run reports that picture alone."""
    fill(bucket, "in/a/x.png", "in/b/y.png", "out/b/y.png")
    listed = outputs._times_in

    def times_in(folder: Folder) -> dict[str, float]:
        """Fail for one of the folders of outputs."""
        if folder.path.endswith("/a"):
            raise ImageFileError(f"cannot list {folder}: no answer; try again later")
        return listed(folder)

    monkeypatch.setattr(outputs, "_times_in", times_in)
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "--dry-run")
    assert outcome.out.decode().replace(bucket.url, "").splitlines() == [
        "/in/a/x.png -> /out/a/x.png  (cannot list /out/a: no answer; try again later)",
        "/in/b/y.png -> /out/b/y.png  (already exists: needs --force)",
    ]
    assert (outcome.code, outcome.err) == (0, "")


def test_an_object_and_a_prefix_may_have_the_same_name(bucket: Bucket, call: Call) -> None:
    """The object and the objects below its name are enlarged."""
    fill(bucket, "in/a.png", "in/a.png/b.png")
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "-j", 1).code == 0
    assert bucket.keys("out/a") == ["out/a.png", "out/a.png/b.png"]


def test_several_inputs_are_written_below_a_prefix(
    bucket: Bucket, call: Call, folder: Path
) -> None:
    """Objects, prefixes and files can be inputs of one run."""
    fill(bucket, "x/a.png", "y/b.jpg")
    inputs = f"{bucket.url}/x/a.png", "in.png", f"{bucket.url}/y"
    assert call(*inputs, f"{bucket.url}/out", "-q", "-j", 1).code == 0
    assert bucket.keys("out/") == [
        "out/a.png", "out/checkerboard.csv", "out/in.png", "out/y/b.jpg"
    ]  # fmt: skip


def test_files_from_accepts_urls(bucket: Bucket, call: Call, folder: Path) -> None:
    """URLs in --files-from keep their folders, but outputs never leave the output folder."""
    fill(bucket, "x/a.png", "y/a.png", "z/c.png", "../../d.png")
    names = [f"{bucket.url}/{key}" for key in ("x/a.png", "y/a.png", "z/", "../../d.png")]
    outcome = call("--files-from", "-", "out", "-q", "-j", 1, stdin="\n".join(names).encode())
    assert outcome.code == 0
    assert sorted(name for name, data in contents(folder / "out").items() if data) == [
        "checkerboard.csv", "d.png", "x/a.png", "y/a.png", "z/c.png"
    ]  # fmt: skip


def test_files_from_can_be_resumed_into_a_store(bucket: Bucket, call: Call) -> None:
    """Where an object and a folder have the same name, both are skipped the second time."""
    fill(bucket, "in/a.png", "in/a.png/b.png")
    names = f"{bucket.url}/in/a.png\n{bucket.url}/in/a.png/\n".encode()
    arguments = "--files-from", "-", f"{bucket.url}/out", "-m", "nearest"
    assert call(*arguments, stdin=names).code == 0
    again = call(*arguments, "--skip-existing", stdin=names)
    assert again.err.splitlines()[-1:] == ["0 done, 2 skipped, 0 failed"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["{}/in", "{}/in/out"], "/in/out is inside"),
        (["{}", "{}/out"], "/out is inside"),
        (["{}/in", "{}/out", "--format", "webp"], "would both become"),
        (["{}/in", "{}/old.png"], "/old.png is a file"),
        (["{}/in", "old.png"], "old.png is a file"),
        (["{}/in/a.png", "in.png", "{}/old.png"], "/old.png is not one"),
        (["{}/in", "s3://nowhere/out"], "no bucket s3://nowhere; make it"),
        (["s3://nowhere/in", "out"], "cannot read s3://nowhere/in: The specified bucket"),
        (["{}/no", "out"], "/no: it does not exist; check the name"),
        (["{}/no.png", "out.png"], "/no.png: it does not exist; check the name"),
        (["in.png", "{}/old.png"], "/old.png exists; pass --force"),
        (["in.png", "s3://nowhere/o.png"], "cannot write s3://nowhere/o.png: The specified bucket"),
        (["{}/old.png", "{}/old.png"], "is also the input"),
        (["{}/old.png", "{a}/old.png", "-f"], "is also the input"),
        (["in.png", "o.png", "--report", "s3://nowhere/a.csv"], "no bucket s3://nowhere; make it"),
        (["in.png", "o.png", "--report", "http://127.0.0.1:9/a.csv"], "can only be read; write to"),
        (["train", "in.png", "-o", "s3://nowhere/k.npz"], "no bucket s3://nowhere; make it"),
        (["in.png", "o.png", "-k", "{}/k.npz"], "/k.npz is a URL; download the kernel file first"),
        (["in.png", "o.png", "-m", "network", "--weights", "{}/n.npz"], "download the weights"),
        (["in.png", "o.png", "-m", "onnx", "--model", "{}/n.onnx"], "download the model file"),
        (["audit", "{}/n.onnx"], "download the model file"),
        (["in.png", "http://127.0.0.1:9/o.png"], "can only be read; write to"),
        (["in.png", "nonsense://o.png"], "cannot open nonsense://o.png"),
        (["in.png", "gs://b/o.png"], "; pip install gcsfs"),
    ],
)
def test_impossible_arguments_are_refused_before_any_upload(
    bucket: Bucket, call: Call, folder: Path, arguments: list[str], fault: str
) -> None:
    """Contradicting arguments and missing objects are reported in one line."""
    fill(bucket, "in/a.png", "in/a.jpg", "old.png")
    (folder / "old.png").write_bytes(picture())
    before = bucket.keys()
    other = bucket.url.replace("s3://", "s3a://")
    outcome = call(*[argument.format(bucket.url, a=other) for argument in arguments])
    check_refused(outcome, outcome.code, fault)
    assert outcome.code in (1, 2)
    assert bucket.keys() == before


def test_a_store_that_does_not_answer_is_reported(
    call: Call, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection is reported in one line."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    check_refused(run_process("s3://some/in", "out"), 1, "Could not connect to the endpoint URL")


@contextmanager
def start_run(bucket: Bucket, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a run of two workers from one prefix to another, with a temporary folder."""
    command = [*COMMAND, f"{bucket.url}/in", f"{bucket.url}/out", "-j", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()  # a failing test must not wait for the held picture


def put_pictures_and_hold_one(bucket: Bucket) -> None:
    """Put pictures, one of which the server does not send until it is released."""
    fill(bucket, *[f"in/{number}.png" for number in range(COUNT)])
    bucket.server.held.add(("GET", f"/{bucket.name}/in/{SLOW}.png"))


def test_a_killed_run_can_be_continued(bucket: Bucket, call: Call, tmp_path: Path) -> None:
    """After kill -9, --skip-existing completes the objects, and every object decodes."""
    put_pictures_and_hold_one(bucket)
    with start_run(bucket, tmp_path) as process:
        faults.wait_until(lambda: len(bucket.keys("out/")) >= COUNT - 2)
        worker_ids = faults.worker_ids(process)
        assert len(worker_ids) == 2
        process.kill()
    faults.wait_until(lambda: not any(map(faults.is_alive, worker_ids)))
    bucket.server.release()
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "--skip-existing", "-j", 1)
    # Besides the held picture, one more may have been unfinished when the run was killed.
    assert outcome.err in {f"{n} done, {COUNT - n} skipped, 0 failed\n" for n in (1, 2)}
    outputs = bucket.contents("out/")
    report = outputs.pop("checkerboard.csv")
    assert [size(outputs[f"{number}.png"]) for number in range(COUNT)] == [
        (48, 40 + 2 * number) for number in range(COUNT)
    ]
    assert len(report_rows(report)) == COUNT
    assert bucket.unfinished() == []


def test_an_interrupted_run_uploads_its_report(bucket: Bucket, tmp_path: Path) -> None:
    """After Ctrl-C the run finishes begun pictures and uploads its report."""
    put_pictures_and_hold_one(bucket)
    with start_run(bucket, tmp_path) as process:
        faults.wait_until(lambda: len(bucket.keys("out/")) >= COUNT - 2)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr.readline().startswith("note: finishing")
        bucket.server.release()
        process.communicate(timeout=faults.PATIENCE)
    assert process.returncode == 130
    assert len(report_rows(bucket.get("out/checkerboard.csv"))) == COUNT
    assert list(tmp_path.iterdir()) == []


def test_a_failed_object_does_not_affect_others(bucket: Bucket, call: Call) -> None:
    """A broken object, and one without permission, are reported; nothing of them is uploaded."""
    fill(bucket, "in/a.png", "in/b.png", "in/c.png")
    bucket.put("in/cut.png", picture(64, 64)[:-2000])
    bucket.put("in/empty.png", b"")
    bucket.put("in/notes.txt", b"text")
    bucket.server.refused["PUT", f"/{bucket.name}/out/b.png"] = (403, "AccessDenied")
    bucket.server.refused["GET", f"/{bucket.name}/in/c.png"] = (403, "AccessDenied")
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "-j", 1)
    assert outcome.code == 1
    assert outcome.err.endswith("1 done, 1 skipped, 4 failed\n")
    assert f"Error: {bucket.url}/in/cut.png is damaged" in outcome.err
    assert f"Error: {bucket.url}/in/empty.png is not a supported image file" in outcome.err
    denied = "It says AccessDenied, check the address and the credentials"
    assert f"Error: cannot write {bucket.url}/out/b.png: {denied}" in outcome.err.replace(";", ",")
    assert f"Error: cannot read {bucket.url}/in/c.png: {denied}" in outcome.err.replace(";", ",")
    assert bucket.keys("out/") == ["out/a.png", "out/checkerboard.csv"]
    assert bucket.unfinished() == []


def test_an_existing_object_is_kept_without_force(bucket: Bucket, call: Call) -> None:
    """An existing object is refused and unchanged; --force replaces it."""
    fill(bucket, "in/a.png", "in/b.png")
    bucket.put("out/a.png", b"precious")
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "-j", 1)
    assert outcome.code == 1
    assert f"Error: {bucket.url}/out/a.png exists; pass --skip-existing" in outcome.err
    assert bucket.get("out/a.png") == b"precious"
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "-j", 1, "--force").code == 0
    assert size(bucket.get("out/a.png")) == (48, 40)
    assert report_rows(bucket.get("out/checkerboard.csv")) == [("a.png", "done"), ("b.png", "done")]


def test_skip_existing_replaces_wrong_outputs(bucket: Bucket, call: Call) -> None:
    """--skip-existing replaces an object of another size and one that is not a picture."""
    fill(bucket, "in/a.png", "in/b.png", "in/c.png")
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "-q", "-j", 1).code == 0
    first = bucket.contents("out/")
    bucket.put("out/a.png", picture(7, 5))
    bucket.put("out/b.png", b"text")
    outcome = call(f"{bucket.url}/in", f"{bucket.url}/out", "--skip-existing", "-j", 1)
    assert outcome.err.endswith("2 done, 1 skipped, 0 failed\n")
    assert "replaced the old output, which is 5x7" in outcome.err
    second = bucket.contents("out/")
    before = report_rows(first["checkerboard.csv"])
    replaced = [("a.png", "done"), ("b.png", "done")]
    assert report_rows(second.pop("checkerboard.csv")) == [*before, *replaced]
    assert second == {key: data for key, data in first.items() if key in second}
    assert len(second) == 3


def test_update_compares_the_times_of_objects(bucket: Bucket, call: Call, folder: Path) -> None:
    """--update replaces objects that are older than their inputs."""
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


def test_continuing_a_run_lists_objects(bucket: Bucket, call: Call) -> None:
    """Existing objects are found by listing, and only the starts of pictures are read."""
    fill(bucket, *[f"in/{number}.png" for number in range(3)], "in/deep/3.png")
    bucket.put("in/large.png", large := picture(400, 400))
    assert len(large) > 4 * HEAD_BYTES
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "-q", "-j", 1).code == 0
    bucket.server.requests.clear()
    assert call(f"{bucket.url}/in", f"{bucket.url}/out", "--skip-existing", "-j", 1).code == 3
    requests = bucket.server.requests
    reads = [request for request in requests if request.method == "GET" and not request.query]
    assert all(
        request.range == f"bytes=0-{HEAD_BYTES - 1}"
        for request in reads
        if "csv" not in request.path
    )
    assert len(reads) == 2 * 5 + 1  # inputs, outputs, and the report
    head_paths = [request.path for request in requests if request.method == "HEAD"]
    assert not any(path.endswith(".png") for path in head_paths)
    listings = [request for request in requests if "list-type=2" in request.query]
    full_listings = [request for request in listings if "max-keys=1&" not in request.query]
    # Each of the two prefixes is listed to count inputs, to read them, and to find outputs.
    assert len(full_listings) == 2 * 3
    assert not any(request.method == "PUT" for request in requests)
