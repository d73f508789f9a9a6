"""How many rows of a picture are there while the others are still to come."""

from threading import Condition


class Coming:
    """The rows so far, as one thread tells and others wait for.

    Attributes:
        rows: How many are there, from the top.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._fault: BaseException | None = None
        self._news = Condition()

    def wait(self, rows: int) -> int:
        """Wait until the first rows are there; return how many are.

        Args:
            rows: How many, at least.

        Raises:
            BaseException: The fault that keeps them from coming.
        """
        with self._news:
            self._news.wait_for(lambda: self.rows >= rows or self._fault is not None)
        if self._fault is not None:
            raise self._fault
        return self.rows

    def tell(self, rows: int) -> None:
        """Tell how many rows there are now."""
        with self._news:
            self.rows = rows
            self._news.notify_all()

    def fail(self, fault: BaseException) -> None:
        """Let whoever waits, or will, have a fault instead; the first one counts."""
        with self._news:
            self._fault = self._fault or fault
            self._news.notify_all()
