import errno
import os
import threading
from pathlib import Path

import pytest

from upsample_cli.images.places.synced import SyncedFile

PART = bytes(1 << 19)


def test_a_large_file_is_on_its_way_before_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are on the disk while others are still to come, and in the end all of it is."""
    really, sizes = os.fsync, []

    def noted(descriptor: int) -> None:
        """Note how much has been written."""
        sizes.append(os.fstat(descriptor).st_size)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    with SyncedFile(str(tmp_path / "file")) as file:
        for _ in range(6):
            file.write(PART)
            file._settle()
        file.sync()
    assert sizes == [2 * len(PART), 4 * len(PART), 6 * len(PART), 6 * len(PART)]
    assert (tmp_path / "file").read_bytes() == 6 * PART


def test_what_fails_on_the_way_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system tells each fault once, and may have told it to an earlier call."""
    really, calls = os.fsync, []

    def failing_once(descriptor: int) -> None:
        """Fail at the first call alone."""
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", failing_once)
    with SyncedFile(str(tmp_path / "file")) as file:
        for _ in range(4):
            file.write(PART)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            file.sync()
    assert len(calls) > 1


@pytest.mark.parametrize("fault", [SystemExit, MemoryError])
def test_a_file_is_closed_however_its_writing_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    """What comes before the thread has begun is not hidden by an error of waiting for that."""

    def start(thread: threading.Thread) -> None:
        """Fail, as where a signal comes."""
        raise fault

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(fault), SyncedFile(str(tmp_path / "file")) as file:
        file.write(2 * PART)
    assert file.closed


@pytest.mark.usefixtures("no_threads")
def test_a_file_is_written_where_no_thread_can_begin(tmp_path: Path) -> None:
    """A system that has no more threads has only to be waited for at the end."""
    with SyncedFile(str(tmp_path / "file")) as file:
        file.write(2 * PART)
        file.sync()
    assert (tmp_path / "file").read_bytes() == 2 * PART
