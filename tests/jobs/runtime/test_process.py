import os
import signal
import subprocess

import programs
import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def ended(name: str, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of a program."""
    result = subprocess.run(
        programs.command(name, *arguments), capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout.strip(), result.stderr


def test_work_is_unwound_once() -> None:
    """Signals that come while the first one is handled do not interrupt that."""
    assert ended("signals_while_unwinding") == (143, "undone", "")


def test_a_signal_right_before_a_wait_ends_it() -> None:
    """A system call that had not begun when a signal came is woken by another one."""
    assert ended("signal_before_a_wait") == (143, "", "")


def test_no_variable_is_set_once_threads_may_run() -> None:
    """A thread that decodes reads variables, and would crash where another one sets some."""
    assert ended("variables_set_by_libraries") == (0, "True []", "")


@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM"])
def test_before_there_is_work_a_signal_ends_the_process_silently(sent: str) -> None:
    """Ctrl-C while libraries load is no fault that would need a traceback."""
    assert ended("signal_at_once", sent) == (-getattr(signal, sent), "", "")


def test_ignored_signals_remain_ignored() -> None:
    """A run under nohup, or behind a shell's &, is not ended by what its caller ignores."""
    assert ended("ignored_signals") == (0, "", "")
