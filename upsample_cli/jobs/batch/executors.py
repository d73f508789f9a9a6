"""Who works on the pictures of a folder."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass

from upsample_cli.jobs.batch.pool import Pool


@dataclass(frozen=True, slots=True)
class Hands:
    """An executor, and how much to give it.

    Args:
        executor: Works on pictures.
        ahead: How many pictures to submit before one has ended.
    """

    executor: Executor
    ahead: int


@contextmanager
def of_this_machine(processes: int) -> Iterator[Hands]:
    """Open a pool of processes; an error in the block ends them at once."""
    with Pool(processes) as pool:
        yield Hands(pool, 2 * processes)


@contextmanager
def of_cluster(address: str) -> Iterator[Hands]:
    """Open the way to a Dask cluster.

    Args:
        address: Of its scheduler.

    Raises:
        SettingError: It cannot be reached.
    """
    from upsample_cli.jobs.batch import cluster  # Dask is an extra, and slow to import

    with cluster.connected(address) as (executor, count):
        yield Hands(executor, 2 * count)
