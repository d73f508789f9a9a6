import os
import signal
import subprocess

import programs
import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def run_program(name: str, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of a program."""
    result = subprocess.run(
        programs.command(name, *arguments), capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout.strip(), result.stderr


def test_clean_up_is_not_interrupted() -> None:
    """Signals that arrive while the first one is handled do not interrupt the clean-up."""
    assert run_program("signals_while_unwinding") == (143, "undone", "")


def test_a_signal_right_before_a_system_call_ends_it() -> None:
    """A second signal wakes a system call that began just after the first one arrived."""
    assert run_program("signal_before_a_wait") == (143, "", "")


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", -signal.SIGINT)])
def test_a_signal_in_a_callback_unwinds_the_work(name: str, code: int) -> None:
    """What a signal raises in a callback, as at the end of an import, is not lost."""
    status, output, error = run_program("signal_in_a_callback", name)
    assert (status, output, "ignored" in error) == (code, "undone", False)


def test_an_exit_in_a_callback_is_no_signal() -> None:
    """What else Python ignores in a callback is printed, as ever."""
    status, output, error = run_program("exit_in_a_callback")
    assert (status, output, "ignored" in error) == (0, "", True)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_in_a_class_statement_ends_the_command(name: str, code: int) -> None:
    """What a signal raises while a module makes a class is no bug, though Python 3.11 wraps it."""
    status, output, error = run_program("signal_in_a_class", name)
    assert (status, output, "Traceback" in error) == (code, "", False)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_during_start_up_ends_the_process_quietly(name: str) -> None:
    """Ctrl-C while libraries load prints no traceback."""
    assert run_program("signal_at_once", name) == (-getattr(signal, name), "", "")


def test_ignored_signals_remain_ignored() -> None:
    """Under nohup, or behind a shell's &, the caller's ignored signals stay ignored."""
    assert run_program("ignored_signals") == (0, "", "")
