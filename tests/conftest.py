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
    # A fixture that only makes values is as good for the hundredth example as for the first.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def _signals_reach_commands() -> None:
    """Let no command inherit that nohup, or a shell in the background, has signals ignored."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        each = getattr(signal, name, None)
        if each is not None and signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, lambda *_: None)  # which is not inherited, and still ignores it


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator of the same numbers in every test."""
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
    """Start an S3 server, which the environment names from then on."""
    from objects import served

    with served() as app:
        yield app


_NUMBERS = count()


@pytest.fixture
def bucket(server: "Server") -> "Iterator[Bucket]":
    """Return a new bucket; what was asked before is forgotten."""
    from objects import Bucket

    made = Bucket(server, f"pictures-{next(_NUMBERS)}")
    server.requests.clear()
    server.refused.clear()
    yield made
    server.release()
