import threading

import pytest

from upsample_cli.jobs.runtime.ahead import Ahead


def test_a_result_is_waited_for() -> None:
    """The work runs beside its caller, and its result comes when it is asked for."""
    go = threading.Event()

    def work() -> int:
        assert go.wait(timeout=30)
        return 42

    ahead = Ahead(work)
    go.set()
    assert ahead() == 42


def test_a_fault_is_raised_where_the_result_is_asked_for() -> None:
    """An error on the thread is the caller's, not lost with the thread."""
    ahead = Ahead(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        ahead()


@pytest.mark.usefixtures("no_threads")
def test_work_is_done_where_no_thread_can_begin() -> None:
    """A system that has no more threads has its caller wait; a fault is raised as ever."""
    assert Ahead(lambda: 42)() == 42
    ahead = Ahead(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        ahead()
