"""Fixtures and the one profile of hypothesis."""

import signal
from collections.abc import Iterator
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:  # few tests need the server's libraries
    from objects import Bucket, Server

settings.register_profile(
    "fixed",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    # Fixtures here only make values, which may serve all examples of a test.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def _signals_reach_commands() -> None:
    """Keep commands from inheriting signals that nohup or a background shell has ignored."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # not inherited, and does nothing either


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator that gives the same numbers in every test."""
    return np.random.default_rng(20160303)


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system have no more threads."""

    def start(thread: Thread) -> None:
        """Fail, as Python does."""
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", start)


@pytest.fixture(scope="session")
def server() -> "Iterator[Server]":
    """Start an S3 server and set the environment variables that point to it."""
    from objects import served

    with served() as app:
        yield app


_NUMBERS = count()


@pytest.fixture
def bucket(server: "Server") -> "Iterator[Bucket]":
    """Return a new bucket at a server whose list of requests is empty."""
    from objects import Bucket

    bucket = Bucket(server, f"pictures-{next(_NUMBERS)}")
    server.requests.clear()
    server.refused.clear()
    yield bucket
    server.release()
