"""Start a program; print its exit status, seconds, processor seconds and peak memory in KiB.

Run as a script: `python -I -S launcher.py TIMEOUT PROGRAM ARGUMENT...`. Linux counts the memory of
the parent as the child's until the child's program is loaded. So the parent has to be small: this
one takes less than a bare Python does.
"""

import os
import signal
import sys
import time


def main() -> None:
    """Start the program, wait for it, and stop it after the timeout."""
    timeout, *command = sys.argv[1:]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=silent)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(process, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, float(timeout))
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - began
    signal.setitimer(signal.ITIMER_REAL, 0)
    processor_seconds = usage.ru_utime + usage.ru_stime
    print(os.waitstatus_to_exitcode(status), seconds, processor_seconds, usage.ru_maxrss)


if __name__ == "__main__":
    main()
