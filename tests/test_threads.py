from threading import Thread

import pytest

from upsample_cli.threads import started


def test_a_thread_starts() -> None:
    """A thread that is to be had runs, which is told."""
    done: list[int] = []
    thread = Thread(target=lambda: done.append(1))
    assert started(thread)
    thread.join()
    assert done == [1]


@pytest.mark.usefixtures("no_threads")
def test_a_system_without_more_threads_is_told() -> None:
    """Where none is to be had, no error is raised."""
    assert not started(Thread(target=int))
