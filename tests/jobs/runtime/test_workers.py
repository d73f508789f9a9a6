import gc
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from upsample_cli.jobs.enlarge.strips import cut
from upsample_cli.jobs.runtime.workers import Workers


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
def test_who_takes_does_what_no_thread_does() -> None:
    """Where the system has no more threads, the caller alone does all."""
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


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_holds_nothing_when_it_is_gone(threads: int) -> None:
    """What failed work held is let go with its error, not when garbage is looked for."""
    held: list[weakref.ref[Held]] = []
    failed = threading.Event()

    def work(each: range) -> None:
        if threads > 1 and each.start == 0:  # meanwhile the caller comes to the next
            assert failed.wait(timeout=30)
            return
        kept = Held()
        held.append(weakref.ref(kept))
        failed.set()
        raise ZeroDivisionError

    gc.disable()
    try:
        with pytest.raises(ZeroDivisionError) as caught, Workers(threads) as workers:
            list(workers.in_order(work, cut(9, 1)))
        del caught
        assert held
        assert [each() for each in held] == [None] * len(held)
    finally:
        gc.enable()


class Held:
    """Something large."""


@pytest.mark.parametrize("threads", [2, 3])
def test_only_a_few_strips_are_ahead(threads: int) -> None:
    """Memory stays bounded: threads do not run far ahead of whoever writes."""
    begun, resting = [], threading.Event()

    def work(each: range) -> int:
        begun.append(each.start)
        if len(begun) == 3 + threads + 2:
            resting.set()
        return each.start

    with Workers(threads) as workers:
        made = workers.in_order(work, cut(3000, 1))
        assert [next(made) for _ in range(3)] == [0, 1, 2]
        assert resting.wait(timeout=30)
        time.sleep(0.05)  # in which idle threads would begin more
        assert len(begun) == 3 + threads + 2


def test_the_next_item_comes_first() -> None:
    """Who helps takes what is wanted soonest."""
    taken: list[int] = []
    free = threading.Event()

    def work(each: range) -> int:
        if threading.current_thread() is threading.main_thread():
            taken.append(each.start)
            if len(taken) == 3:
                free.set()
        else:
            assert free.wait(timeout=30)
        return each.start

    with Workers(2) as workers:
        assert next(workers.in_order(work, cut(9, 1))) == 0
    assert taken == sorted(taken)
    assert len(taken) == 3


def test_the_caller_is_one_of_the_threads() -> None:
    """Two threads are the caller's and one more: while that one is busy, the caller works."""
    callers = threading.Event()
    makers = set()

    def work(each: range) -> int:
        makers.add(threading.current_thread())
        if threading.current_thread() is threading.main_thread():
            callers.set()
        else:
            assert callers.wait(timeout=30)
        return each.start

    with Workers(2) as workers:
        assert list(workers.in_order(work, cut(20, 1))) == list(range(20))
    assert len(makers) == 2


def test_each_item_is_worked_on_once() -> None:
    """No item is left out or done twice, whoever is quicker."""
    done: list[int] = []

    def work(each: range) -> int:
        done.append(each.start)
        return each.start

    with Workers(4) as workers:
        assert list(workers.in_order(work, cut(2000, 1))) == list(range(2000))
    assert sorted(done) == list(range(2000))


@contextmanager
def told(end: threading.Event) -> Iterator[None]:
    """Tell when a block has ended."""
    try:
        yield
    finally:
        end.set()


def test_who_is_waited_for_can_be_let_go_when_the_caller_fails() -> None:
    """Work that waits, as for rows to come, is freed by a block within that of the workers."""
    caller, waits, failed = threading.get_ident(), threading.Event(), threading.Event()
    freed: list[bool] = []

    def work(each: range) -> None:
        if threading.get_ident() == caller:
            assert waits.wait(timeout=30)
            raise SystemExit
        waits.set()
        freed.append(failed.wait(timeout=3))

    with pytest.raises(SystemExit), Workers(2) as workers, told(failed):
        list(workers.in_order(work, cut(40, 3)))
    assert freed == [True]


def test_a_caller_that_ends_before_its_threads_begin_has_its_own_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A signal may come before a thread has begun, which then cannot be waited for."""

    def start(thread: threading.Thread) -> None:
        raise SystemExit

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(SystemExit), Workers(2) as workers:
        list(workers.in_order(len, cut(40, 3)))
