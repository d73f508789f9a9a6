"""Being asked to stop: politely once, and then at once."""

import signal
from threading import current_thread, main_thread
from types import FrameType, TracebackType
from typing import Any, Self

from upsample_cli.jobs.runtime.process import CODE, ENDING, handle, leave


class Stop:
    """While in its block, the first Ctrl-C, SIGTERM or SIGHUP is kept, and the second raised."""

    def __init__(self) -> None:
        self.code = 0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self.code != 0

    def __enter__(self) -> Self:
        """Take the signals over, where Python lets that be done."""
        if current_thread() is main_thread():
            for each in (signal.SIGINT, *ENDING):
                self._before[each] = handle(each, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for each, before in self._before.items():
            signal.signal(each, before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.asked:
            leave(number, frame)
        self.code = CODE + number
