import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import faults
import programs
import pytest

from upsample_cli.errors import ImageFileError
from upsample_cli.jobs.batch.pool import Pool
from upsample_cli.jobs.batch.worker import WorkerDiedError


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Return two processes."""
    with Pool(2) as made:
        yield made


def test_calls_are_answered(pool: Pool) -> None:
    """Each call gets its own result, from at most so many other processes, however many calls."""
    futures = [pool.submit(faults.double, number) for number in range(50)]
    assert [future.result() for future in futures] == [2 * number for number in range(50)]
    pids = {pool.submit(faults.process).result() for _ in range(4)}
    assert os.getpid() not in pids
    assert pids <= set(pool.pids)
    assert len(pool.pids) <= 2


def test_errors_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    """An error is raised where the result is asked for; a bug's traceback is told by the worker."""
    with Pool(1) as pool:
        with pytest.raises(ImageFileError, match="fact; remedy"):
            pool.submit(faults.fail, "ours").result()
        assert capfd.readouterr().err == ""
        with pytest.raises(ValueError, match="a bug"):
            pool.submit(faults.fail, "bug").result()
    assert "Traceback" in capfd.readouterr().err


def test_what_a_library_prints_is_no_result(capfd: pytest.CaptureFixture[str]) -> None:
    """Words on a worker's standard output go to standard error and disturb nothing."""
    with Pool(1) as pool:
        pool.submit(faults.print_words).result()
        assert pool.submit(faults.double, 4).result() == 8
    assert capfd.readouterr() == ("", "words\n")


def test_a_dead_worker_costs_only_its_own_call(pool: Pool) -> None:
    """What kills its worker fails after a second try, and all others, before and after, go well."""
    before = [pool.submit(faults.double, number) for number in range(5)]
    dead = pool.submit(faults.die)
    after = [pool.submit(faults.double, number) for number in range(5, 10)]
    assert [future.result() for future in (*before, *after)] == [2 * n for n in range(10)]
    with pytest.raises(WorkerDiedError, match="status 9"):
        dead.result()
    assert pool.submit(faults.double, 21).result() == 42


def test_a_call_is_tried_once_more(pool: Pool, tmp_path: Path) -> None:
    """A worker that died by accident costs nothing."""
    future = pool.submit(faults.die_once, str(tmp_path / "mark"), "fine")
    assert future.result() == "fine"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of POSIX")
def test_a_killed_worker_is_named_by_its_signal(tmp_path: Path) -> None:
    """The word for how a worker ended is the signal's, as the system's killer sends it."""
    with Pool(1) as pool:
        future = pool.submit(faults.begin, str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path))
        for _ in range(2):
            faults.until((tmp_path / "a").exists)
            (tmp_path / "a").unlink()
            os.kill(pool.pids[0], signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match="SIGKILL"):
            future.result()


def test_the_second_try_is_alone(pool: Pool, tmp_path: Path) -> None:
    """While a call is tried again, nothing else is worked on, so that it has all the memory."""
    active, go = tmp_path / "active", tmp_path / "go"
    active.mkdir()
    first = pool.submit(faults.begin, str(tmp_path / "begun"), str(go), str(active))
    faults.until((tmp_path / "begun").exists)
    again = pool.submit(faults.die_once, str(tmp_path / "mark"), "again")
    faults.until((tmp_path / "mark").exists)
    later = pool.submit(faults.double, 3)
    assert not again.done()  # it waits for the first
    assert not later.done()  # and keeps others out
    go.touch()
    assert (first.result(), again.result(), later.result()) == ([], "again", 6)


def test_an_error_in_the_block_ends_the_workers_at_once(tmp_path: Path) -> None:
    """Work under way is undone, what waited is cancelled, and no process is left."""
    mark = tmp_path / "mark"
    pool = Pool(1)
    slow = pool.submit(faults.write_slowly, str(tmp_path / "out.png"), str(mark))
    waiting = [pool.submit(faults.double, number) for number in range(9)]
    faults.until(mark.exists)
    pids = pool.pids
    pool.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not any(map(faults.is_alive, pids))
    assert [path.name for path in tmp_path.iterdir()] == ["mark"]
    for future in (slow, *waiting):
        with pytest.raises((CancelledError, WorkerDiedError)):
            future.result()


def test_a_worker_may_be_stopped_while_it_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Libraries make errors of their own of what ends them: nothing of that is told."""
    (tmp_path / "numpy.py").write_text(
        "from pathlib import Path\nfrom time import sleep\n"
        "try:\n    Path(__file__).with_name('mark').touch()\n    sleep(30)\n"
        "except BaseException as error:\n    raise ImportError('no NumPy') from error\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    pool = Pool(1)
    faults.until((tmp_path / "mark").exists)
    pool.abort()
    assert not any(map(faults.is_alive, pool.pids))
    assert capfd.readouterr().err == ""


def test_workers_end_with_who_started_them(tmp_path: Path) -> None:
    """After a kill -9 of the main process no worker is left, and no half file of it."""
    mark, out = str(tmp_path / "mark"), str(tmp_path / "out.png")
    command = programs.command("write_in_a_worker", out, mark)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as main:
        pids = [int(word) for word in main.stdout.readline().split()]
        assert all(map(faults.is_alive, pids))
        main.kill()
    faults.until(lambda: not any(map(faults.is_alive, pids)))
    assert [each.name for each in tmp_path.iterdir()] == ["mark"]
