"""Fixtures, and the profile of hypothesis."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does, before NumPy is imported

import signal
from collections.abc import Iterator
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from upsample_cli import memory

if TYPE_CHECKING:  # only a few tests need the server's libraries
    from objects import Bucket, Server

settings.register_profile(
    "fixed",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    # Fixtures here only create values, which all examples of a test can share.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("fixed")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long bytes by their argument: files hold the time, and a test's name must not."""
    return argname if isinstance(val, bytes) and len(val) > 32 else None


@pytest.fixture(scope="session", autouse=True)
def _unignore_signals() -> None:
    """Keep commands from inheriting signals that nohup or a background shell ignores."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # not inherited, unlike SIG_IGN


@pytest.fixture(scope="session", autouse=True)
def _keep_byte_code() -> None:
    """Let commands that tests start keep their byte code, so that only the first compiles."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def _no_budget() -> Iterator[None]:
    """Take back the memory budget that a command sets, which holds for the whole process."""
    yield
    memory.limit_to(None)


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a random generator with the same seed in every test."""
    return np.random.default_rng(20160303)


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every new thread fail to start."""

    def start(thread: Thread) -> None:
        """Fail as Python does when the system has no more threads."""
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", start)


@pytest.fixture(scope="session")
def server() -> "Iterator[Server]":
    """Start an S3 server and set the environment variables that point to it."""
    from objects import run_server

    with run_server() as s3_server:
        yield s3_server


_BUCKET_NUMBERS = count()


@pytest.fixture
def bucket(server: "Server") -> "Iterator[Bucket]":
    """Return a new bucket, on a server whose list of requests is empty."""
    from objects import Bucket

    bucket = Bucket(server, f"pictures-{next(_BUCKET_NUMBERS)}")
    server.requests.clear()
    server.refused.clear()
    yield bucket
    server.release()


@pytest.hookimpl(tryfirst=True)
def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Fail where a module of tests cannot be imported: doctest's leniency is for the package."""
    is_broken = report.skipped and "unable to import module" in str(report.longrepr)
    if is_broken and report.nodeid.startswith("tests/"):
        report.outcome = "failed"
