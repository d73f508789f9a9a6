import threading
import time

import pytest

from upsample_cli.jobs.enlarge.strips import cut
from upsample_cli.jobs.runtime.threads import Workers, in_background


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_work_comes_back_in_order(threads: int) -> None:
    """What threads finish early waits for its turn."""
    runs = cut(40, 3)
    second = threading.Event()

    def work(each: range) -> int:
        if threads > 1 and each.start == 0:
            assert second.wait(timeout=30)
        elif each.start == 3:
            second.set()
        return each.start

    with Workers(threads) as workers:
        assert list(workers.in_order(work, runs)) == [each.start for each in runs]


@pytest.mark.usefixtures("no_threads")
def test_the_caller_works_where_the_system_has_no_threads() -> None:
    """Where the system has no more threads, the caller does the work."""
    with Workers(3) as workers:
        assert list(workers.in_order(lambda each: each.start, cut(40, 3))) == [*range(0, 40, 3)]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_fault_on_a_thread_is_raised(threads: int) -> None:
    """An error while a strip is made reaches the caller, and ends the work."""
    done: list[int] = []

    def work(each: range) -> int:
        if each.start == 6:
            raise ZeroDivisionError
        done.append(each.start)
        return each.start

    with pytest.raises(ZeroDivisionError), Workers(threads) as workers:
        list(workers.in_order(work, cut(3000, 3)))
    assert len(done) < 20


@pytest.mark.parametrize("threads", [2, 3])
def test_the_first_error_is_raised(threads: int) -> None:
    """Where several items fail, the error is that of the first, whoever comes to it when."""
    last = threading.Event()

    def work(each: range) -> int:
        if each.start == 2:
            assert last.wait(timeout=30)
        elif each.start > 2:
            last.set()
        if each.start >= 2:
            raise ValueError(each.start)
        return each.start

    found: list[int] = []
    with pytest.raises(ValueError, match=r"^2$"), Workers(threads) as workers:
        found.extend(workers.in_order(work, cut(20, 1)))
    assert found == [0, 1]


@pytest.mark.parametrize("threads", [2, 3])
def test_only_a_few_strips_are_ahead(threads: int) -> None:
    """Memory stays bounded: threads do not run far ahead of whoever writes."""
    begun, resting = [], threading.Event()

    def work(each: range) -> int:
        begun.append(each.start)
        if len(begun) == 3 + threads + 1:
            resting.set()
        return each.start

    with Workers(threads) as workers:
        made = workers.in_order(work, cut(3000, 1))
        assert [next(made) for _ in range(3)] == [0, 1, 2]
        assert resting.wait(timeout=30)
        time.sleep(0.05)  # in which idle threads would begin more
        assert len(begun) == 3 + threads + 1


def test_each_item_is_worked_on_once() -> None:
    """No item is left out or done twice, whoever is quicker."""
    done: list[int] = []

    def work(each: range) -> int:
        done.append(each.start)
        return each.start

    with Workers(4) as workers:
        assert list(workers.in_order(work, cut(2000, 1))) == list(range(2000))
    assert sorted(done) == list(range(2000))


def test_a_call_in_the_background_gives_its_result_or_error() -> None:
    """The result of a call, or its error, is there when it is asked for."""
    assert in_background(divmod, 7, 2)() == (3, 1)
    with pytest.raises(ZeroDivisionError):
        in_background(divmod, 7, 0)()


@pytest.mark.usefixtures("no_threads")
def test_a_call_without_a_thread_is_made_when_asked_for() -> None:
    """Where the system has no more threads, the caller makes the call itself."""
    assert in_background(divmod, 7, 2)() == (3, 1)


def test_a_second_thread_shares_the_work() -> None:
    """Two items are computed at once: each waits until the other has begun."""
    both = threading.Barrier(2)

    def work(item: range) -> int:
        both.wait(timeout=30)
        return item.start

    with Workers(2) as workers:
        assert list(workers.in_order(work, cut(2, 1))) == [0, 1]
