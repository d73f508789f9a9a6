"""A call that runs on a thread of its own while its caller goes on, where there is one."""

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

from upsample_cli.threads import started

Made = TypeVar("Made")


class Ahead(Generic[Made]):
    """Work begun early; calling it waits for the result.

    Args:
        work: What to do; an error in it is raised where the result is asked for.
    """

    def __init__(self, work: Callable[[], Made]) -> None:
        self._work = work
        self._made: list[Made] = []
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        if not started(self._thread):
            self._run()

    def __call__(self) -> Made:
        """Return the result once it is there; it can be asked for once."""
        if self._thread.is_alive():
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._made.pop()  # who asked for it decides how long it is kept

    def _run(self) -> None:
        try:
            self._made.append(self._work())
        except BaseException as error:  # raised again in `__call__`
            self._error = error
