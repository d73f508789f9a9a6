"""An executor on the workers of a Dask cluster, which may be on many machines."""

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from upsample_cli.errors import SettingError, UpsampleError

Given = ParamSpec("Given")
Made = TypeVar("Made")
_PATIENCE = 10  # seconds for the scheduler to answer


class ClusterLostError(UpsampleError):
    """The scheduler has gone, and does not come back."""


class Cluster(Executor):
    """The workers of a cluster.

    A call whose worker dies is tried by others; if they die too, it fails with `BrokenExecutor`.

    Args:
        executor: Dask's own.
        killed: Dask's error for a call that killed its workers.
        lost: Tells whether Dask has given the scheduler up.
    """

    def __init__(
        self, executor: Executor, killed: type[Exception], lost: Callable[[], bool]
    ) -> None:
        self._executor = executor
        self._killed = killed
        self._lost = lost

    def submit(
        self, function: Callable[Given, Made], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Made]:
        """Have a function called by one of the workers; what is submitted is finished.

        Raises:
            ClusterLostError: There is nobody to submit it to, so it would never end.
        """
        if self._lost():
            raise ClusterLostError("the cluster has gone; start it and go on by --skip-existing")
        made: Future[Made] = Future()
        made.set_running_or_notify_cancel()
        far = self._executor.submit(function, *args, **kwargs)
        far.add_done_callback(partial(self._hand_on, made))
        return made

    def _hand_on(self, made: Future[Any], far: Future[Any]) -> None:
        error = BrokenExecutor("was cancelled") if far.cancelled() else far.exception()
        if error is None:
            made.set_result(far.result())
        elif isinstance(error, self._killed):
            made.set_exception(BrokenExecutor("its workers were killed"))
        else:
            made.set_exception(error)


@contextmanager
def connected(address: str) -> Iterator[tuple[Executor, int]]:
    """Open the way to a cluster; give its executor, and how many calls it can work on at once.

    Args:
        address: Of its scheduler, such as tcp://host:8786.

    Raises:
        SettingError: Dask is not installed, or there is no cluster, or it has no workers.
    """
    try:
        import distributed
    except ImportError as error:
        raise SettingError(
            '--cluster needs Dask; install it by: pip install "upsample-cli[cluster]"'
        ) from error
    dask: Any = distributed  # has types in part alone
    try:
        client = dask.Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise SettingError(
            f"no cluster answers at {address}; give the address of its scheduler, "
            "such as tcp://host:8786"
        ) from error
    with client:
        threads = sum(client.nthreads().values())
        if threads == 0:
            raise SettingError(f"the cluster at {address} has no workers; start some")
        executor = client.get_executor(pure=False)
        ended = {"closing", "closed"}
        yield Cluster(executor, dask.KilledWorker, lambda: client.status in ended), threads
