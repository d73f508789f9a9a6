import multiprocessing
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from time import sleep

import faults
import programs
import pytest

from upsample_cli.errors import ImageFileError
from upsample_cli.jobs.batch.pool import Pool, WorkerDiedError, WorkerStartError


def workers() -> list[int]:
    """Return the process numbers of our workers."""
    return [worker.pid for worker in multiprocessing.active_children()]


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Return two processes."""
    with Pool(2) as made:
        yield made


def test_calls_are_answered(pool: Pool) -> None:
    """Each call gets its own result, from at most so many other processes, however many calls."""
    futures = [pool.submit(faults.double, number) for number in range(50)]
    assert [future.result() for future in futures] == [2 * number for number in range(50)]
    numbers = {pool.submit(faults.process_id).result() for _ in range(4)}
    assert numbers <= set(workers())
    assert len(workers()) <= 2


def test_errors_come_back(pool: Pool) -> None:
    """An error is raised where the result is asked for, a bug with the traceback of the worker."""
    with pytest.raises(ImageFileError, match="fact; remedy"):
        pool.submit(faults.fail, "ours").result()
    with pytest.raises(ValueError, match="a bug") as raised:
        pool.submit(faults.fail, "bug").result()
    assert "in fail" in raised.value.__notes__[0]


@pytest.mark.parametrize("kind", ["open", "odd"])
def test_errors_that_cannot_travel_come_back_as_words(pool: Pool, kind: str) -> None:
    """A bug is no crash, whatever its error holds: the worker goes on."""
    numbers = workers()
    with pytest.raises(RuntimeError, match="a bug") as raised:
        pool.submit(faults.fail, kind).result()
    assert "in fail" in str(raised.value)
    assert workers() == numbers


def test_a_second_try_does_not_wait_for_all_others(pool: Pool, tmp_path: Path) -> None:
    """Whatever many calls come, the one that was killed is the next."""
    retried = pool.submit(faults.die_once, str(tmp_path / "mark"), "fine")
    ended = list[str]()
    retried.add_done_callback(lambda _: ended.append("retried"))
    for _ in range(60):
        pool.submit(sleep, 0.02).add_done_callback(lambda _: ended.append("other"))
    assert retried.result() == "fine"
    pool.shutdown()
    assert len(ended) == 61
    assert ended.index("retried") < 40


def test_no_more_calls_are_taken_where_no_worker_starts(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call says so; those to come would all fail alike."""
    busy = pool.submit(faults.wait_for, str(tmp_path / "go"))

    def fail(*_: object) -> None:
        raise WorkerStartError("cannot start a worker process: too many; pass fewer --jobs")

    monkeypatch.setattr(pool, "_new_worker", fail)
    with pytest.raises(WorkerStartError):
        pool.submit(faults.double, 1).result()
    with pytest.raises(WorkerStartError):
        pool.submit(faults.double, 2)
    (tmp_path / "go").touch()
    assert busy.result()


def test_what_a_library_prints_is_no_result(capfd: pytest.CaptureFixture[str]) -> None:
    """Words on a worker's standard output go to standard error and disturb nothing."""
    with Pool(1) as pool:
        pool.submit(faults.print_text).result()
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
        future = pool.submit(
            faults.list_busy_processes, str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path)
        )
        for _ in range(2):
            faults.wait_until((tmp_path / "a").exists)
            (tmp_path / "a").unlink()
            for number in workers():
                os.kill(number, signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match="SIGKILL"):
            future.result()


def test_the_second_try_is_alone(pool: Pool, tmp_path: Path) -> None:
    """While a call is tried again, nothing else is worked on, so that it has all the memory."""
    active, go = tmp_path / "active", tmp_path / "go"
    active.mkdir()
    disturbed = pool.submit(faults.die_once, str(tmp_path / "mark"), "again")
    faults.wait_until((tmp_path / "mark").exists)
    assert disturbed.result() == "again"
    (tmp_path / "mark").unlink()
    again = pool.submit(
        faults.die_then_list_busy_processes, str(tmp_path / "mark"), str(go), str(active)
    )
    faults.wait_until((tmp_path / "mark-again").exists)
    later = pool.submit(faults.list_busy_processes, str(tmp_path / "later"), str(go), str(active))
    sleep(0.2)
    assert len(workers()) == 1
    assert not (tmp_path / "later").exists()
    go.touch()
    assert (again.result(), later.result()) == ([], [])


def test_a_call_beside_one_that_kills_goes_on(pool: Pool, tmp_path: Path) -> None:
    """What another worker does is not disturbed; the second try waits until it has ended."""
    mark, go, out = (tmp_path / name for name in ("mark", "go", "out.png"))
    slow = pool.submit(faults.write_in_two_steps, str(out), str(mark), str(go))
    faults.wait_until(mark.exists)
    mark.unlink()
    dead = pool.submit(faults.die)
    faults.wait_until(lambda: len(workers()) == 1)
    assert not dead.done()
    assert not slow.done()
    go.touch()
    assert slow.result()
    with pytest.raises(WorkerDiedError, match="status 9"):
        dead.result()
    assert out.read_bytes() == b"whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["go", "out.png"]


def test_an_error_in_the_block_ends_the_workers_at_once(tmp_path: Path) -> None:
    """Work under way is undone, what waited is cancelled, and no process is left."""
    mark = tmp_path / "mark"
    pool = Pool(1)
    slow = pool.submit(faults.write_without_end, str(tmp_path / "out.png"), str(mark))
    waiting = [pool.submit(faults.double, number) for number in range(9)]
    faults.wait_until(mark.exists)
    numbers = workers()
    pool.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not any(map(faults.is_alive, numbers))
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
    faults.wait_until((tmp_path / "mark").exists)
    numbers = workers()
    pool.abort()
    assert len(numbers) == 1
    assert not any(map(faults.is_alive, numbers))
    assert capfd.readouterr().err == ""


def test_workers_end_with_who_started_them(tmp_path: Path) -> None:
    """After a kill -9 of the main process no worker is left, and no half file of it."""
    mark, out = str(tmp_path / "mark"), str(tmp_path / "out.png")
    command = programs.command("write_in_a_worker", out, mark)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as main:
        pids = [int(word) for word in main.stdout.readline().split()]
        assert all(map(faults.is_alive, pids))
        main.kill()
    faults.wait_until(lambda: not any(map(faults.is_alive, pids)))
    assert [each.name for each in tmp_path.iterdir()] == ["mark"]
