"""An executor on the workers of a Dask cluster, which may be on many machines."""

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from functools import partial
from typing import Any

from upsample_cli.errors import SettingError, UpsampleError
from upsample_cli.jobs.batch.pool import Workforce

_PATIENCE = 10  # seconds that the scheduler has to answer


class ClusterLostError(UpsampleError):
    """The scheduler has gone, and does not come back."""


class Cluster(Executor):
    """An executor that runs calls on the workers of a cluster.

    If a worker dies, others repeat its call; if they die too, the call fails with `BrokenExecutor`.

    Args:
        executor: The executor of Dask.
        killed: Dask's error for a call whose workers died.
        is_lost: Returns whether Dask has given up on the scheduler.
    """

    def __init__(
        self, executor: Executor, killed: type[Exception], is_lost: Callable[[], bool]
    ) -> None:
        self._executor = executor
        self._killed = killed
        self._is_lost = is_lost

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called by one of the workers; the call cannot be cancelled.

        Raises:
            ClusterLostError: The scheduler has gone, so the call would never end.
        """
        if self._is_lost():
            raise ClusterLostError(
                "the cluster is gone; restart it and continue with --skip-existing"
            )
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        remote = self._executor.submit(function, *args, **kwargs)
        remote.add_done_callback(partial(self._copy_result, future))
        return future

    def _copy_result(self, future: Future[Any], remote: Future[Any]) -> None:
        error = BrokenExecutor("was cancelled") if remote.cancelled() else remote.exception()
        if error is None:
            future.set_result(remote.result())
        elif isinstance(error, self._killed):
            future.set_exception(BrokenExecutor("its workers were killed"))
        else:
            future.set_exception(error)


@contextmanager
def connected(address: str) -> Iterator[Workforce]:
    """Connect to a cluster for a `with` block, and yield its workers.

    Args:
        address: The address of its scheduler, such as tcp://host:8786.

    Raises:
        SettingError: Dask is not installed, no cluster answers, or the cluster has no workers.
    """
    try:
        import distributed
    except ImportError as error:
        raise SettingError('--cluster needs Dask; pip install "upsample-cli[cluster]"') from error
    dask: Any = distributed  # its types are incomplete
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
        cluster = Cluster(executor, dask.KilledWorker, lambda: client.status in ended)
        yield Workforce(cluster, 2 * threads)
