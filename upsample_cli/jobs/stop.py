"""Being asked to stop: politely once, and then at once."""

import signal
import sys
from threading import current_thread, main_thread
from types import FrameType, TracebackType
from typing import Any, Self

_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stop:
    """While in its block, the first Ctrl-C or SIGTERM is kept, and the second one raised."""

    def __init__(self) -> None:
        self.code = 0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self.code != 0

    def __enter__(self) -> Self:
        """Take the signals over, where Python lets that be done; one that is ignored remains so."""
        if current_thread() is main_thread():
            for each in _CODES:
                if signal.getsignal(each) is not signal.SIG_IGN:
                    self._before[each] = signal.signal(each, self._ask)
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
            sys.exit(_CODES[signal.SIGTERM])
        self.code = _CODES[signal.Signals(number)]
