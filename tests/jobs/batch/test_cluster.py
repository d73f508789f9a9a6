"""A real cluster: a scheduler and two workers, processes of their own."""

import os
import signal
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from pathlib import Path

import faults
import PIL.Image
import pytest
from distributed import Client, LocalCluster
from objects import Bucket, Server
from terminal import contents, run_process
from textures import texture_samples

from upsample_cli.commands import batch
from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.jobs.batch.cluster import ClusterLostError, connected
from upsample_cli.jobs.batch.run import Stop

# Dask leaves sockets and loops to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


_SHORT = 3.0  # seconds to wait at the end


@pytest.fixture(scope="module")
def started_cluster(server: Server) -> Iterator[LocalCluster]:
    """Start a cluster of two workers, which can import what the tests bring and know the store."""
    patience = {"distributed.scheduler.allowed-failures": 1}
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("PYTHONPATH", paths)
        import dask

        with dask.config.set(patience):
            started = LocalCluster(2, threads_per_worker=1, dashboard_address=None)
            yield started
            # A worker that was killed last may be starting again: Dask waits for ever if it is
            # closed just then.
            with suppress(TimeoutError):
                started.wait_for_workers(2, timeout=_SHORT)
            with suppress(TimeoutError):
                started.close(timeout=_SHORT)


@pytest.fixture
def cluster(started_cluster: LocalCluster) -> LocalCluster:
    """Return the cluster once a worker is there: a killed one takes a while to come back.

    Of two that are killed at once, Dask at times brings back one alone.
    """
    started_cluster.wait_for_workers(1, timeout=faults.PATIENCE)
    return started_cluster


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder with pictures, one of which is damaged."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for number in range(6):
        folder = tmp_path / "in" / ("sub" if number % 3 == 0 else "")
        PIL.Image.fromarray(texture_samples(40 + number, 50, 3)).save(folder / f"{number:02}.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


def test_a_cluster_makes_the_same_bytes(cluster: LocalCluster, desk: Path) -> None:
    """The command gives the same files, failures and exit code as on this machine."""
    here = run_process("in", "here", "-j", 1, "-q", folder=desk)
    there = run_process("in", "there", "--cluster", cluster.scheduler_address, "-q", folder=desk)
    assert (there.code, here.code) == (1, 1)
    assert "in/broken.png is damaged" in there.err
    made = {name: data for name, data in contents(desk / "there").items() if name[-3:] == "png"}
    expected = {name: data for name, data in contents(desk / "here").items() if name[-3:] == "png"}
    assert made == expected
    assert len(made) == 6


def test_a_kernel_by_name_is_no_file_of_that_name(cluster: LocalCluster, desk: Path) -> None:
    """A file that happens to be called learned does not become the kernel."""
    (desk / "learned").touch()
    options = "--cluster", cluster.scheduler_address, "-m", "tconv", "--exclude", "broken.png"
    outcome = run_process("in", "out", *options, folder=desk)
    assert (outcome.code, outcome.err) == (0, "6 done, 0 skipped, 0 failed\n")


def test_a_cluster_reads_and_puts_objects(
    cluster: LocalCluster, desk: Path, bucket: Bucket
) -> None:
    """Its workers need no shared disk where input and output are URLs, and leave what is there."""
    for path in sorted((desk / "in").glob("*.png")):
        bucket.put(f"in/deep/{path.name}", path.read_bytes())
    urls = f"{bucket.url}/in", f"{bucket.url}/out"
    address = cluster.scheduler_address
    there = run_process(*urls, "--cluster", address, "-q", "--exclude", "broken.png", folder=desk)
    assert (there.code, there.err) == (0, "")
    for path in sorted((desk / "in").glob("[0-9]*.png")):
        target = desk / "large.png"
        target.write_bytes(bucket.get(f"out/deep/{path.name}"))
        with PIL.Image.open(path) as small, PIL.Image.open(target) as large:
            assert large.convert("L").size == (2 * small.width, 2 * small.height)
    again = run_process(*urls, "--cluster", address, "--skip-existing", folder=desk)
    assert (again.code, again.err.splitlines()[-1]) == (1, "0 done, 4 skipped, 1 failed")


def test_calls_and_their_errors_come_back(cluster: LocalCluster) -> None:
    """Results, our errors and bugs are those of the function."""
    with connected(cluster.scheduler_address) as executor:
        assert executor.ahead in (2, 4)  # twice the workers that are there
        assert [executor.submit(faults.double, n).result(30) for n in range(4)] == [0, 2, 4, 6]
        with pytest.raises(ImageFileError, match="fact; remedy"):
            executor.submit(faults.fail, "ours").result(30)
        with pytest.raises(ValueError, match="a bug"):
            executor.submit(faults.fail, "bug").result(30)


def test_a_killed_worker_costs_no_other_call(cluster: LocalCluster, tmp_path: Path) -> None:
    """What a killed worker had begun is done by another; the rest goes on."""
    with connected(cluster.scheduler_address) as executor:
        mark = tmp_path / "begun"
        slow = executor.submit(_first_waits, str(mark), str(tmp_path / "never"))
        faults.wait_for(str(mark))
        others = [executor.submit(faults.double, number) for number in range(10)]
        os.kill(int(mark.read_text()), signal.SIGKILL)
        assert slow.result(60) == "again"
        assert [each.result(60) for each in others] == [2 * number for number in range(10)]


def test_a_call_that_kills_every_worker_fails_alone(cluster: LocalCluster) -> None:
    """It is given up after a few workers; the cluster goes on with new ones."""
    with connected(cluster.scheduler_address) as executor:
        with pytest.raises(BrokenExecutor, match="its workers were killed"):
            executor.submit(faults.die).result(90)
        assert executor.submit(faults.double, 4).result(60) == 8


def test_a_lost_cluster_is_told(cluster: LocalCluster) -> None:
    """Once Dask has given its scheduler up, a call is refused; it would wait for ever."""
    with connected(cluster.scheduler_address) as executor:
        executor._executor._client.close()  # as it does itself then
        with pytest.raises(ClusterLostError, match="is gone; restart it and continue"):
            executor.submit(faults.double, 1)


def test_a_scheduler_that_goes_ends_the_calls(caplog: pytest.LogCaptureFixture) -> None:
    """Calls under way fail with what to do, without Dask's tracebacks, and new ones are refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = LocalCluster(1, processes=False, dashboard_address=None)
        with connected(own.scheduler_address) as workforce:
            slow = workforce.submit(time.sleep, 2)
            own.close()
            for future in (lambda: slow.result(60), lambda: workforce.submit(int)):
                with pytest.raises(ClusterLostError, match="is gone; restart it and continue"):
                    future()
    assert "distributed.client" not in [each.name for each in caplog.records]


def test_workers_that_are_gone_are_noted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that waits for workers says so, once."""
    monkeypatch.setattr(batch, "_CHECK_INTERVAL", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            LocalCluster(1, processes=False, dashboard_address=None) as own,
            connected(own.scheduler_address) as workforce,
        ):
            is_stopped = batch._stop_check(Stop(), workforce)
            assert (is_stopped(), capsys.readouterr().err) == (False, "")
            with Client(own) as client:
                client.retire_workers()
            assert [is_stopped(), is_stopped()] == [False, False]
    note = "note: the cluster has no workers left; start some, or press Ctrl-C twice\n"
    assert capsys.readouterr().err == note


def test_the_memory_of_workers_is_limited(cluster: LocalCluster, desk: Path) -> None:
    """--max-memory holds for each worker of a cluster too."""
    options = "--cluster", cluster.scheduler_address, "--max-memory", "96MB", "-m", "nearest"
    outcome = run_process("in", "out", *options, "--include", "0*.png", folder=desk)
    assert outcome.err.count("but only 96 MB may be used") == 6, outcome.err


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_no_cluster_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address at which nobody answers is refused."""
    monkeypatch.setattr("upsample_cli.jobs.batch.cluster._PATIENCE", 1)
    silence = pytest.raises(SettingError, match=r"no cluster answers at .*; give the address")
    with silence, connected(address):
        pass


def test_a_cluster_is_for_folders(desk: Path) -> None:
    """One picture is refused."""
    outcome = run_process("in/01.png", "o.png", "--cluster", "tcp://127.0.0.1:9", folder=desk)
    assert (outcome.code, outcome.out) == (2, b"")
    assert "--cluster is for folders; leave it out for one picture" in outcome.err


def test_a_cluster_without_workers_is_told() -> None:
    """A scheduler whose workers have all retired is refused, with what to do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with LocalCluster(1, processes=False, dashboard_address=None) as empty:
            with Client(empty) as client:
                client.retire_workers()
            idle = pytest.raises(SettingError, match="has no workers; start some")
            with idle, connected(empty.scheduler_address):
                pass


def _first_waits(mark: str, never: str) -> str:
    """Wait for ever the first time, as a worker does that is going to be killed."""
    if Path(mark).exists():
        return "again"
    Path(mark + ".new").write_text(str(os.getpid()))
    Path(mark + ".new").rename(mark)
    faults.wait_for(never)
    return "first"
