"""Threads where the system may have no more of them, as containers and shared machines limit."""

from threading import Thread


def started(thread: Thread) -> bool:
    """Start a thread; return whether there was one to be had.

    Args:
        thread: It has not been started.

    Source: pthread_create(3), whose EAGAIN Python raises as a RuntimeError.
    """
    try:
        thread.start()
    except RuntimeError:
        return False
    return True
