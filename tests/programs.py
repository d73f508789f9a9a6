"""Programs that tests run as processes of their own: `python programs.py NAME ARGUMENTS`."""

import _thread
import multiprocessing
import os
import signal
import sys
import time
import weakref
from pathlib import Path
from threading import Thread

from upsample_cli import process


def command(name: str, *arguments: object) -> list[str]:
    """Return the command line of a program below."""
    return [sys.executable, "-W", "error", __file__, name, *map(str, arguments)]


def limit(name: str, value: str, *words: str) -> None:
    """Become a command under a limit of the system's, such as RLIMIT_FSIZE."""
    import resource

    resource.setrlimit(getattr(resource, name), (int(value), int(value)))
    os.execv(words[0], words)


def own_terminal(*words: str) -> None:
    """Become a command that standard input's terminal controls."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execv(words[0], words)


def peak_memory(*words: str) -> None:
    """Run `upsample`, then print the exit code and the peak of memory in kB.

    The kernel's high-water mark is of this program alone; getrusage counts its parent's too.
    """
    from upsample_cli.commands import app

    sys.argv[1:] = words
    code = app._run()
    status = Path("/proc/self/status").read_text()
    print(code, status.split("VmHWM:")[1].split()[0])


def without(module: str, *words: str) -> None:
    """Run `upsample` as where a module is not installed."""
    from upsample_cli.commands import app

    sys.modules[module] = None  # type: ignore[assignment] # which makes its import fail
    sys.argv[1:] = words
    sys.exit(app._run())


def modules_to_decode(path: str) -> None:
    """Decode a picture, then print the modules that are loaded."""
    from upsample_cli.images.places.place import parse
    from upsample_cli.images.read.decode import decode

    decode(parse(path))
    print(*sys.modules)


def hold_target(path: str) -> None:
    """Write half a target, print a line, and finish once standard input is closed."""
    from upsample_cli.images.places import atomic_file

    with atomic_file.writing(path, force=False) as file:
        file.write(b"half")
        file.flush()
        print(flush=True)
        sys.stdin.read()


def write_in_a_worker(path: str, mark: str) -> None:
    """Have one of two workers write a target without end, and print the workers' numbers."""
    import faults

    from upsample_cli.jobs.batch.pool import Pool

    pool = Pool(2)  # not as a block, whose end would wait
    pool.submit(faults.process_id).result()
    pool.submit(faults.write_without_end, path, mark)
    faults.wait_for(mark)
    print(*(worker.pid for worker in multiprocessing.active_children()), flush=True)
    sys.stdin.read()


def signals_while_unwinding() -> None:
    """Get a signal, and more of them while the first one is handled."""
    process.let_signals_unwind()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        for number in process.END_SIGNALS:
            os.kill(os.getpid(), number)
        print("undone")


def signal_before_a_wait() -> None:
    """Get the first signal right before a wait begins, so that only the second one wakes it."""
    send = signal.pthread_kill

    def send_too_early(thread: int, number: int) -> None:
        """Let Python see the signal before the system's call begins."""
        time.sleep(0.2)
        _thread.interrupt_main(number)
        signal.pthread_kill = send

    signal.pthread_kill = send_too_early
    process.let_signals_unwind()
    Thread(target=process.unwind_main_thread, daemon=True).start()
    time.sleep(60)


class _Dropped:
    """Something whose end calls a function in which Python ignores errors."""


def signal_in_a_callback(name: str) -> None:
    """Get a signal in a callback whose errors Python ignores."""
    process.prepare()
    process.let_signals_unwind()
    thing = _Dropped()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), getattr(signal, name)))
    del thing
    try:
        time.sleep(5)
    finally:
        print("undone", reference() or "")


class _Named:
    """Something that gets a signal when a class names it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __set_name__(self, owner: type, name: str) -> None:
        os.kill(os.getpid(), self.number)
        time.sleep(5)


def signal_in_a_class(name: str) -> None:
    """Get a signal while a command makes a class, as the import of a module does."""
    from upsample_cli.commands import app

    methods = app.app.get_command(None, "methods")
    methods.callback = lambda **_: type("_Class", (), {"it": _Named(getattr(signal, name))})
    sys.argv = ["upsample", "methods"]
    app.main()


def exit_in_a_callback() -> None:
    """Exit in a callback whose errors Python ignores, without any signal."""
    process.prepare()
    thing = _Dropped()
    reference = weakref.ref(thing, lambda _: sys.exit(1))
    del thing
    print(reference() or "")


def signal_at_once(name: str) -> None:
    """Get a signal before there is work."""
    process.let_signals_kill()
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(60)


def ignored_signals() -> None:
    """Get signals that the caller has had ignored."""
    signals = (signal.SIGINT, signal.SIGHUP)
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
    process.let_signals_kill()
    process.let_signals_unwind()
    for number in signals:
        os.kill(os.getpid(), number)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
