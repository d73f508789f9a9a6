"""An executor on the workers of a Dask cluster, which may be on many machines."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from upsample_cli.errors import SettingError, UpsampleError
from upsample_cli.jobs.batch.pool import Workforce

_PATIENCE = 10  # seconds that the scheduler has to answer
_ENDED = ("closing", "closed")  # states of a client that has given up on the scheduler
_LOST = "the cluster is gone; restart it and continue with --skip-existing"


class ClusterLostError(UpsampleError):
    """The scheduler is gone, and will not come back."""


class Cluster(Workforce):
    """An executor that runs calls on the workers of a cluster.

    If a worker dies, others repeat its call; if they die too, the call fails with `BrokenExecutor`.

    Args:
        client: The client of Dask.
        killed: Dask's error for a call whose workers died.
        ahead: The most calls to have submitted and not yet finished.
    """

    def __init__(self, client: Any, killed: type[Exception], ahead: int) -> None:
        self._client = client
        self._executor: Executor = client.get_executor(pure=False)
        self._killed, self.ahead = killed, ahead
        self._is_lost = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called by one of the workers; the call cannot be cancelled.

        Raises:
            ClusterLostError: The scheduler is gone, so the call would never end.
        """
        if self._is_lost or self._client.status in _ENDED:
            raise ClusterLostError(_LOST)
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        remote = self._executor.submit(function, *args, **kwargs)
        remote.add_done_callback(partial(self._copy_result, future))
        return future

    def has_workers(self) -> bool:
        """Return whether there are workers; True if the scheduler is gone and cannot say."""
        with suppress(OSError, TimeoutError, ValueError):
            return bool(self._client.nthreads())
        return True

    def _copy_result(self, future: Future[Any], remote: Future[Any]) -> None:
        if remote.cancelled():  # by Dask, as its scheduler is gone
            self._is_lost = True
            future.set_exception(ClusterLostError(_LOST))
            return
        error = remote.exception()
        if error is None:
            future.set_result(remote.result())
        elif isinstance(error, self._killed):
            future.set_exception(BrokenExecutor("its workers were killed"))
        else:
            future.set_exception(error)


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
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
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # it logs tracebacks
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
        yield Cluster(client, dask.KilledWorker, 2 * threads)
