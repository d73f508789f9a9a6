"""Measure many pictures, on worker processes, in the order in which they are named."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from typing import NamedTuple

from upsample_cli.errors import ImageFileError, UpsampleError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.batch.picture_job import is_other
from upsample_cli.jobs.batch.pool import WorkerDiedError, Workforce, open_pool
from upsample_cli.jobs.batch.walk import Globs, walk
from upsample_cli.jobs.measure.measure import MeasureOptions, measure
from upsample_cli.jobs.measure.measurement import Measurement


class Result(NamedTuple):
    """What became of a picture.

    Args:
        source: Its place.
        measurement: The checkerboard in it; None if it has not been measured.
        error: Why it could not be read; None if it could, or is no picture.
    """

    source: Place
    measurement: Measurement | None = None
    error: str | None = None


def files_in(sources: Sequence[Place | Folder], globs: Globs) -> Iterator[tuple[Place, bool]]:
    """Yield the files that are named, and those below folders, sorted.

    Yields:
        Each file, and whether it lies in a folder that was named: such a file may be no picture.

    Raises:
        ImageFileError: A folder cannot be read.
    """
    for source in sources:
        if not isinstance(source, Folder):
            yield source, False
            continue
        try:
            for path in walk(source, globs):
                yield source.file(path), True
        except OSError as error:
            raise ImageFileError(f"cannot read {source}: {error.strerror}; check it") from error


def measure_one(
    source: Place, is_in_folder: bool, options: MeasureOptions, threads: int = 1
) -> Result:
    """Return what becomes of one picture; its errors are in the result."""
    try:
        if is_in_folder and is_other(source):
            return Result(source)
        return Result(source, measure(source, options, threads))
    except ImageFileError as error:
        return Result(source, error=str(error))
    except MemoryError:
        return Result(source, error=f"{source} needs more memory; pass fewer --jobs")


@contextmanager
def measuring(
    sources: Sequence[Place | Folder], globs: Globs, options: MeasureOptions, jobs: int
) -> Iterator[tuple[Iterator[Result], int]]:
    """Give what becomes of each picture, in order, and how many there are.

    One picture is measured here, by threads; several by worker processes.

    Args:
        sources: Files and folders.
        globs: Which files of folders to take.
        options: How to measure.
        jobs: How many pictures, or channels of one, to work on at once.
    """
    count = sum(1 for _ in files_in(sources, globs))
    files = files_in(sources, globs)
    if min(count, jobs) <= 1:
        yield (measure_one(*file, options, jobs) for file in files), count
        return
    with open_pool(min(count, jobs)) as workforce:
        try:
            yield _measured(files, options, workforce), count
        except BrokenPipeError:  # nobody reads on: workers end in peace, without a word
            workforce.executor.shutdown(cancel_futures=True)
            raise


def _measured(
    files: Iterator[tuple[Place, bool]], options: MeasureOptions, workforce: Workforce
) -> Iterator[Result]:
    """Yield what becomes of each picture, in order."""
    waiting: deque[tuple[Place, Future[Result]]] = deque()
    for source, is_in_folder in files:
        if len(waiting) >= workforce.ahead:
            yield _result(*waiting.popleft())
        if source.is_stream:  # no other process can read it
            future: Future[Result] = Future()
            future.set_result(measure_one(source, is_in_folder, options))
        else:
            future = workforce.executor.submit(measure_one, source, is_in_folder, options)
        waiting.append((source, future))
    while waiting:
        yield _result(*waiting.popleft())


def _result(source: Place, future: Future[Result]) -> Result:
    try:
        return future.result()
    except (WorkerDiedError, BrokenExecutor) as error:
        fault = f"{source} ended its worker twice ({error}); it may need more memory"
        return Result(source, error=fault)
    except UpsampleError as error:
        return Result(source, error=str(error))
