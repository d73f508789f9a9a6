import threading
import time

import pytest

from upsample_cli.jobs.enlarge.strips import cut
from upsample_cli.jobs.enlarge.threads import Workers


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_are_in_order(threads: int) -> None:
    """A result that is ready early waits for the results before it."""
    runs = cut(40, 3)
    second_began = threading.Event()

    def work(strip: range) -> int:
        if threads > 1 and strip.start == 0:
            assert second_began.wait(timeout=30)
        elif strip.start == 3:
            second_began.set()
        return strip.start

    with Workers(threads) as workers:
        assert list(workers.in_order(work, runs)) == [strip.start for strip in runs]


@pytest.mark.usefixtures("no_threads")
def test_the_caller_works_when_no_thread_can_start() -> None:
    """When the system has no more threads, the caller does the work."""
    with Workers(3) as workers:
        assert list(workers.in_order(lambda strip: strip.start, cut(40, 3))) == [*range(0, 40, 3)]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_on_a_thread_is_raised(threads: int) -> None:
    """An error on a thread reaches the caller and ends the work."""
    done: list[int] = []

    def work(strip: range) -> int:
        if strip.start == 6:
            raise ZeroDivisionError
        done.append(strip.start)
        return strip.start

    with pytest.raises(ZeroDivisionError), Workers(threads) as workers:
        list(workers.in_order(work, cut(3000, 3)))
    assert len(done) < 20


@pytest.mark.parametrize("threads", [2, 3])
def test_the_first_error_is_raised(threads: int) -> None:
    """When several items fail, the error of the first item is raised."""
    later_began = threading.Event()

    def work(strip: range) -> int:
        if strip.start == 2:
            assert later_began.wait(timeout=30)
        elif strip.start > 2:
            later_began.set()
        if strip.start >= 2:
            raise ValueError(strip.start)
        return strip.start

    results: list[int] = []
    with pytest.raises(ValueError, match=r"^2$"), Workers(threads) as workers:
        results.extend(workers.in_order(work, cut(20, 1)))
    assert results == [0, 1]


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_run_far_ahead(threads: int) -> None:
    """Threads start only a few strips before they are used, which limits memory."""
    started, all_started = [], threading.Event()

    def work(strip: range) -> int:
        started.append(strip.start)
        if len(started) == 3 + threads + 1:
            all_started.set()
        return strip.start

    with Workers(threads) as workers:
        results = workers.in_order(work, cut(3000, 1))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        assert all_started.wait(timeout=30)
        time.sleep(0.05)  # time in which idle threads could start more strips
        assert len(started) == 3 + threads + 1


def test_every_item_is_processed_once() -> None:
    """No item is left out or processed twice."""
    done: list[int] = []

    def work(strip: range) -> int:
        done.append(strip.start)
        return strip.start

    with Workers(4) as workers:
        assert list(workers.in_order(work, cut(2000, 1))) == list(range(2000))
    assert sorted(done) == list(range(2000))


def test_two_threads_work_at_once() -> None:
    """Two items are computed at once: each waits until the other has begun."""
    barrier = threading.Barrier(2)

    def work(item: range) -> int:
        barrier.wait(timeout=30)
        return item.start

    with Workers(2) as workers:
        assert list(workers.in_order(work, cut(2, 1))) == [0, 1]
