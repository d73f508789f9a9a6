from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from objects import Bucket

from upsample_cli.images.places import atomic_file
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import parse_file
from upsample_cli.jobs.batch import run
from upsample_cli.jobs.batch.cluster import ClusterLostError
from upsample_cli.jobs.batch.picture_job import PictureJob
from upsample_cli.jobs.batch.plan import Plan
from upsample_cli.jobs.batch.pool import WorkerDiedError, WorkerStartError, Workforce
from upsample_cli.jobs.enlarge.task import Existing, Report, TargetSize, Task
from upsample_cli.methods.catalogue import build


class ByHand(Workforce):
    """An executor whose calls end when a test says so."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self.futures: list[Future[Any]] = []
        self.most = 0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Keep the call open."""
        self.futures.append(Future())
        self.most = max(self.most, sum(not each.done() for each in self.futures))
        return self.futures[-1]


def plan_of(count: int, root: Path) -> Plan:
    pairs = [
        (parse_file(f"in/{number}.png"), parse_file(f"{root}/{number}.png"))
        for number in range(count)
    ]
    return Plan(lambda: iter(pairs), count)


def job_in(root: Path, existing: Existing = "refuse") -> PictureJob:
    task = Task(build("nearest"), TargetSize(scale=2.0))
    return PictureJob(task, Folder(str(root)), existing)


def done(number: int) -> Report:
    return Report(f"in/{number}.png", "", "done")


def never() -> bool:
    return False


def test_pictures_come_as_they_end(tmp_path: Path) -> None:
    """A picture that ends early is yielded early, with its place in the plan."""
    hands = ByHand(3)
    ended = run.run(plan_of(3, tmp_path), job_in(tmp_path), hands, never)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(next, ended)
        while len(hands.futures) < 3:
            pass
        hands.futures[2].set_result(done(2))
        assert first.result() == (2, done(2))
    hands.futures[0].set_result(done(0))
    hands.futures[1].set_result(done(1))
    assert sorted(number for number, _ in ended) == [0, 1]


def test_no_more_are_submitted_than_asked_for(tmp_path: Path) -> None:
    """However long the plan, only so many pictures are under way."""
    hands = ByHand(5)
    count = 0
    with ThreadPoolExecutor(1) as other:
        ended = run.run(plan_of(200, tmp_path), job_in(tmp_path), hands, never)
        while (one := other.submit(next, ended, None)) is not None:
            while not one.done():
                waiting = [future for future in hands.futures if not future.done()]
                if len(waiting) == 5 or len(hands.futures) == 200:
                    for future in waiting[-1:]:
                        future.set_result(done(0))
            if one.result() is None:
                break
            count += 1
    assert count == 200
    assert hands.most == 5


def test_none_overtakes_another_by_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind one that does not end, only a window of others is begun: reports wait in memory."""
    monkeypatch.setattr(run, "_WINDOW", 10)
    hands = ByHand(4)
    ended = run.run(plan_of(50, tmp_path), job_in(tmp_path), hands, never)
    with ThreadPoolExecutor(1) as other:
        for _ in range(10):
            one = other.submit(next, ended)
            while not one.done():
                for future in hands.futures[1:]:
                    if not future.done():
                        future.set_result(done(0))
        assert len(hands.futures) == 11
        rest = other.submit(list, ended)
        while not rest.done():
            for future in hands.futures:
                if not future.done():
                    future.set_result(done(0))
    assert len(rest.result()) == 40


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (WorkerStartError("fact; remedy"), "fact; remedy"),
        (WorkerDiedError("SIGKILL"), "in/0.png crashed its worker process twice (SIGKILL); "),
        (ValueError("odd"), "in/0.png hit a bug (ValueError: odd); please report it"),
    ],
)
def test_a_lost_picture_has_failed(tmp_path: Path, error: Exception, word: str) -> None:
    """A worker that dies or meets a bug makes a failure of its picture, and the run goes on."""
    hands = ByHand(1)
    with ThreadPoolExecutor(1) as other:
        ended = run.run(plan_of(2, tmp_path), job_in(tmp_path), hands, never)
        for place in range(2):
            one = other.submit(next, ended)
            while len(hands.futures) <= place:
                pass
            if place == 0:
                hands.futures[0].set_exception(error)
            else:
                hands.futures[1].set_result(done(1))
            report = one.result()[1]
            assert report.status == ("done" if place else "failed")
            assert place or word in report.error


def test_stopping_finishes_what_is_under_way(tmp_path: Path) -> None:
    """What a worker has begun is waited for, what has not begun is dropped, nothing is added."""
    hands, asked = ByHand(3), []
    with ThreadPoolExecutor(1) as other:
        ended = run.run(plan_of(9, tmp_path), job_in(tmp_path), hands, lambda: bool(asked))
        rest = other.submit(list, ended)
        while len(hands.futures) < 3:
            pass
        hands.futures[0].set_running_or_notify_cancel()
        asked.append(True)
        while not hands.futures[2].cancelled():
            pass
        hands.futures[0].set_result(done(0))
    assert rest.result() == [(0, done(0))]
    assert len(hands.futures) == 3


@pytest.mark.parametrize("existing", ["refuse", "replace", "skip", "update"])
def test_what_is_there_is_refused_unless_said(tmp_path: Path, existing: Existing) -> None:
    """Without a word on it an output that is there is a failure; no worker is asked."""
    (tmp_path / "0.png").touch()
    hands = ByHand(1)
    ended = run.run(plan_of(1, tmp_path), job_in(tmp_path, existing), hands, never)
    with ThreadPoolExecutor(1) as other:
        one = other.submit(next, ended)
        while not (one.done() or hands.futures):
            pass
        for future in hands.futures:
            future.set_result(done(0))
        report = one.result()[1]
    assert len(hands.futures) == (existing != "refuse")
    if existing == "refuse":
        assert report.error.endswith(
            "pass --skip-existing to continue an earlier run, or --force to replace it"
        )


@pytest.mark.parametrize("existing", ["refuse", "skip"])
def test_a_store_of_outputs_that_fails_does_not_end_the_run(
    bucket: Bucket, tmp_path: Path, existing: Existing
) -> None:
    """A picture whose output cannot be looked up fails; the next one is looked up again."""
    bucket.server.refused["GET", f"/{bucket.name}"] = (403, "ExpiredToken")
    pairs = [(parse_file(f"{name}.png"), parse_file(f"{bucket.url}/{name}.png")) for name in "abc"]
    hands = ByHand(1)
    ended = run.run(Plan(lambda: iter(pairs), 3), job_in(tmp_path, existing), hands, never)
    number, report = next(ended)
    assert (number, report.status, report.input) == (0, "failed", "a.png")
    assert report.error.startswith(f"cannot list {bucket.url}: It says ExpiredToken; check")
    assert next(ended)[1].status == "failed"
    bucket.server.refused.clear()
    with ThreadPoolExecutor(1) as other:
        one = other.submit(next, ended)
        while not hands.futures:
            pass
        hands.futures[0].set_result(done(2))
        assert one.result() == (2, done(2))


def test_leavings_of_killed_runs_are_cleaned(tmp_path: Path) -> None:
    """Before the first picture goes into a folder, what nobody holds there is removed."""
    left = Path(atomic_file.temporary_beside(str(tmp_path / "out.png")))
    left.write_bytes(b"half")
    hands = ByHand(1)
    ended = run.run(plan_of(1, tmp_path), job_in(tmp_path), hands, never)
    with ThreadPoolExecutor(1) as other:
        one = other.submit(next, ended)
        while not hands.futures:
            pass
        assert not left.exists()
        hands.futures[0].set_result(done(0))
        one.result()


def test_leavings_of_killed_workers_are_cleaned(tmp_path: Path) -> None:
    """What a worker leaves that is killed meanwhile is removed in the end, wherever it was."""
    hands = ByHand(1)
    ended = run.run(plan_of(2, tmp_path), job_in(tmp_path), hands, never)
    left = Path(atomic_file.temporary_beside(str(tmp_path / "out.png")))
    with ThreadPoolExecutor(1) as other:
        rest = other.submit(list, ended)
        while not hands.futures:
            pass
        left.write_bytes(b"half")
        for number in range(2):
            while len(hands.futures) <= number:
                pass
            hands.futures[number].set_result(done(number))
        assert [number for number, _ in rest.result()] == [0, 1]
    assert not left.exists()


def test_a_lost_cluster_ends_the_run(tmp_path: Path) -> None:
    """That the cluster is gone is one error, not one of every picture."""
    hands = ByHand(3)
    ended = run.run(plan_of(3, tmp_path), job_in(tmp_path), hands, never)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(next, ended)
        while len(hands.futures) < 3:
            pass
        hands.futures[0].set_exception(ClusterLostError("it is gone"))
        with pytest.raises(ClusterLostError):
            first.result()
