"""Methods compared on every picture of a folder; only the worst pictures are kept."""

from collections.abc import Iterator, Sequence
from math import isfinite
from statistics import fmean

from upsample_cli.errors import UpsampleError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.batch.picture_job import is_other
from upsample_cli.jobs.batch.walk import Globs
from upsample_cli.jobs.compare.compare import Comparison, MethodResult, compare
from upsample_cli.jobs.compare.method_list import NamedMethod
from upsample_cli.jobs.compare.subject import CompareOptions
from upsample_cli.jobs.measure.many import files_in

_KEPT = 3


class Collected:
    """The figures of all pictures, and the worst of these whole, the very worst first."""

    def __init__(self) -> None:
        self.results: list[Sequence[MethodResult]] = []
        self.worst: list[Comparison] = []

    def add(self, comparison: Comparison) -> None:
        """Take the comparison of one more picture."""
        self.results.append(comparison.results)
        self.worst = sorted([*self.worst, comparison], key=_badness, reverse=True)[:_KEPT]


def compared(
    place: Place | Folder, methods: Sequence[NamedMethod], options: CompareOptions
) -> Iterator[tuple[Place, Comparison | UpsampleError]]:
    """Yield the comparison of a picture, or of each in a folder, or why there is none.

    Args:
        place: Where they are read; what is no picture in a folder is left out.
        methods: One or more.
        options: How to compare.

    Raises:
        UpsampleError: The one picture cannot be compared, or a folder not be read.
    """
    for source, is_in_folder in files_in([place], Globs()):
        try:
            if not (is_in_folder and is_other(source)):
                yield source, compare(source, methods, options)
        except UpsampleError as error:
            if not is_in_folder:
                raise
            yield source, error


def _badness(comparison: Comparison) -> float:
    """Return a number that is larger for a worse picture.

    That is one with a lower mean PSNR; without a reference, one in which methods differ more.
    """
    known = [one.psnr for one in comparison.results if isfinite(one.psnr)]
    return -fmean(known) if known else float(comparison.differences.mean())
