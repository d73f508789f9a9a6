"""The budget of memory."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from upsample_cli import memory
from upsample_cli.errors import PictureTooLargeError, SettingError

GB = 1 << 30


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the budget as it was."""
    yield
    memory.limit_to(None)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512MB", GB // 2),
        ("1.5g", 3 * GB // 2),
        ("2 GiB", 2 * GB),
        ("7340032", 7 << 20),
        ("1T", 1024 * GB),
    ],
)
def test_sizes_have_units(text: str, size: int) -> None:
    """Units are powers of 1024, in any case, with or without a B."""
    assert memory.size_of(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1G", "1X", "G", "1e9", "512 M B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """The error says how sizes are written."""
    with pytest.raises(SettingError, match=r"invalid --max-memory .*; use a size such as 512MB"):
        memory.size_of(text)


@pytest.mark.parametrize("number", ["7", " 20 ", "512000"])
def test_a_small_number_needs_a_unit(number: str) -> None:
    """Nobody means 20 bytes: the error says what to write for 20 MB."""
    n = number.strip()
    fault = f"^--max-memory {n} is only {n} bytes; write {n}MB or {n}GB$"
    with pytest.raises(SettingError, match=fault):
        memory.size_of(number)
    assert memory.size_of("7B") == 7


def test_the_budget_is_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call goes before the environment, and that before half of the machine's memory."""
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    memory.limit_to(None)
    half = memory.limit()
    assert GB // 8 < half < 1024 * GB
    monkeypatch.setenv(memory.VARIABLE, "3GB")
    memory.limit_to(None)
    assert memory.limit() == 3 * GB
    memory.limit_to(GB)
    assert memory.limit() == GB
    monkeypatch.setenv(memory.VARIABLE, "lots")
    memory.limit_to(None)
    with pytest.raises(SettingError, match="invalid UPSAMPLE_MAX_MEMORY 'lots'; use a size"):
        memory.limit()


@pytest.mark.parametrize("low", ["", "/job.slice", "/job.slice/step"])
@pytest.mark.parametrize(
    ("line", "folder", "name", "none"),
    [
        ("0::", "", "memory.max", "max"),
        ("4:cpu,memory:", "memory", "memory.limit_in_bytes", str((1 << 63) - 4096)),
    ],
)
def test_the_budget_is_half_of_what_the_control_group_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, folder: str, name: str, none: str,
    low: str,
) -> None:  # fmt: skip
    """The least limit holds, whether it is set on the group of the process or above it."""
    own = tmp_path / "proc/self/cgroup"
    own.parent.mkdir(parents=True)
    own.write_text(f"9:pids:/other\n{line}/job.slice/step\n")
    for group in ("", "/job.slice", "/job.slice/step"):
        path = Path(f"{tmp_path}/sys/fs/cgroup/{folder}{group}", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{96 << 20 if group == low else none}\n")
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(memory, "_ROOT", f"{tmp_path}/")
    memory.limit_to(None)
    assert memory.limit() == 48 << 20


def test_the_program_itself_counts() -> None:
    """What is taken and the program have to fit."""
    memory.limit_to(GB)
    memory.check(GB - (97 << 20), "a.png")
    with pytest.raises(PictureTooLargeError, match=r"a\.png needs 1\.0 GB .* raise --max-memory"):
        memory.check(GB - (95 << 20), "a.png")


@pytest.mark.parametrize(
    ("sharing", "threads", "helps"), [(1, 1, False), (1, 4, True), (4, 1, True)]
)
def test_fewer_jobs_are_a_remedy_where_there_are_several(
    sharing: int, threads: int, helps: bool
) -> None:
    """One process with one thread has none to give up; threads and worker processes may go."""
    memory.limit_to(GB, sharing)
    with pytest.raises(PictureTooLargeError) as caught:
        memory.check(GB, "a.png", threads)
    remedy = "; raise --max-memory" + ", or pass fewer --jobs" * helps
    assert str(caught.value).endswith(f"may be used{remedy}")


def test_a_stream_is_read_up_to_the_budget() -> None:
    """A file that does not say how long it is is read whole, or given up early."""
    data = bytes(range(256)) * 20_000
    assert memory.read_all(io.BytesIO(data), "it") == data
    memory.limit_to(100 << 20)
    with pytest.raises(PictureTooLargeError, match="it needs"):
        memory.read_all(io.BytesIO(data), "it")


@pytest.mark.skipif(sys.platform == "win32", reason="unknown there")
@pytest.mark.parametrize("has_proc", [True, False])
def test_the_peak_counts_what_was_given_back(has_proc: bool) -> None:
    """It is in bytes, also without /proc, and at least that of 200 MB that are filled and freed."""
    code = (
        "from upsample_cli import memory; data = b'1' * (200 << 20); del data;"
        f"opened = open if {has_proc} else (lambda path: open(path + '/none'));"
        "memory.open = opened; print(memory.peak())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert 200 << 20 < int(result.stdout) < 20 << 30
