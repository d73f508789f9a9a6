import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def ended(program: str) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of a program."""
    head = "import os, signal, sys, time\nfrom upsample_cli.jobs.runtime import process\n"
    result = subprocess.run(
        [sys.executable, "-c", head + program], capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout, result.stderr


def test_what_is_done_is_unwound_once() -> None:
    """Signals that come while a first one has things undone do not break that off."""
    program = (
        "process.end_by_unwinding()\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "finally:\n"
        "    for each in process.ENDING:\n"
        "        os.kill(os.getpid(), each)\n"
        "    print('undone')\n"
    )
    assert ended(program) == (143, "undone\n", "")


def test_a_signal_right_before_a_wait_ends_that() -> None:
    """A system's call that had not begun when a signal came is woken by another one."""
    program = (
        "import _thread\n"
        "from threading import Thread\n"
        "really = signal.pthread_kill\n"
        "def too_early(thread, number):\n"
        "    time.sleep(0.2)\n"
        "    _thread.interrupt_main(number)\n"
        "    signal.pthread_kill = really\n"
        "signal.pthread_kill = too_early\n"
        "process.end_by_unwinding()\n"
        "Thread(target=process.unwind_main_thread, daemon=True).start()\n"
        "time.sleep(60)\n"
    )
    assert ended(program) == (143, "", "")


@pytest.mark.parametrize(("sent", "code"), [("SIGTERM", 143), ("SIGINT", -signal.SIGINT)])
def test_an_end_that_python_drops_comes_again(sent: str, code: int) -> None:
    """Errors in what Python calls by itself, as at the end of an import, would be lost."""
    program = (
        "import weakref\n"
        "process.prepare()\n"
        "process.end_by_unwinding()\n"
        "thing = type('Thing', (), {})()\n"
        f"gone = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.{sent}))\n"
        "del thing\n"
        "try:\n"
        "    time.sleep(5)\n"
        "finally:\n"
        "    print('undone')\n"
    )
    found, out, error = ended(program)
    assert (found, out, "ignored" in error) == (code, "undone\n", False), error


def test_no_variable_is_set_once_threads_may_run() -> None:
    """A thread that decodes asks for variables, which is a crash where another sets some."""
    program = (
        "set = []\n"
        "kinds = ('os.putenv', 'os.unsetenv')\n"
        "sys.addaudithook(lambda kind, what: set.append(what) if kind in kinds else None)\n"
        "process.prepare()\n"
        "before = len(set)\n"
        "import numpy, PIL.Image\n"
        "print(before > 0, set[before:])\n"
    )
    assert ended(program) == (0, "True []\n", "")


def test_another_exit_that_python_drops_is_told_as_before() -> None:
    """Only what a signal began comes again: no other exit is taken for one."""
    program = (
        "import weakref\n"
        "process.prepare()\n"
        "thing = type('Thing', (), {})()\n"
        "gone = weakref.ref(thing, lambda _: sys.exit(1))\n"
        "del thing\n"
    )
    found, _, error = ended(program)
    assert (found, "SystemExit: 1" in error, "ValueError" in error) == (0, True, False), error


@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM"])
def test_before_there_is_work_a_signal_ends_us_without_a_word(sent: str) -> None:
    """Ctrl-C while libraries load is no fault that would need a traceback."""
    program = f"process.end_at_once()\nos.kill(os.getpid(), signal.{sent})\ntime.sleep(60)\n"
    assert ended(program) == (-getattr(signal, sent), "", "")


def test_what_is_ignored_remains_so() -> None:
    """A run under nohup, or behind a shell's &, is not ended by what its caller ignores."""
    program = (
        "signals = (signal.SIGINT, signal.SIGHUP)\n"
        "for each in signals:\n"
        "    signal.signal(each, signal.SIG_IGN)\n"
        "process.end_at_once()\n"
        "process.end_by_unwinding()\n"
        "for each in signals:\n"
        "    os.kill(os.getpid(), each)\n"
    )
    assert ended(program) == (0, "", "")
