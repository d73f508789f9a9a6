"""Hostile models ask for any amount of memory: here they get as little as in an audit."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

MORE = 2 << 30  # bytes


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    """Let this process take only so much more memory while a test runs."""
    old = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, old)
