"""The work on one picture of a batch, in a worker process or on a cluster."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from upsample_cli import memory
from upsample_cli.errors import (
    ImageFileError,
    PictureTooLargeError,
    TargetExistsError,
    UpsampleError,
)
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.images.read import array_files, decode, opening
from upsample_cli.images.read.opening import NOT_A_PICTURE
from upsample_cli.jobs.batch.outputs import PICTURE_SUFFIXES, State
from upsample_cli.jobs.enlarge.picture import OUTPUT_LIMIT, enlarge
from upsample_cli.jobs.enlarge.task import ALREADY_EXISTS, Existing, Report, Task

Work: TypeAlias = Callable[[Place, Place, Task], Report]
"""Reads a picture, writes its output and returns a report, as `enlarge` does."""

_ARRAYS = "arrays are taken one file at a time"


@dataclass(frozen=True, slots=True, eq=False)
class PictureJob:
    """Enlarges or repairs one picture of a batch; an error becomes a report of a failure.

    Args:
        task: How to enlarge.
        root: The folder that all outputs lie in; if it vanishes, it is not created again.
        existing: What becomes of outputs that exist; if it is "refuse", the caller refuses them.
        base: The folder that paths are relative to, for workers on a cluster; None on this machine.
        work: What to do with a picture.
        budget: The memory that a worker on a cluster may use, in bytes; None for its default.
    """

    task: Task
    root: Folder
    existing: Existing = "refuse"
    base: str | None = None
    work: Work = enlarge
    budget: int | None = None

    def __call__(
        self, source: Place, to: Place, state: State = "missing", is_ours: bool = False
    ) -> Report:
        """Do the work on a picture, and return its report.

        Args:
            source: Where to read.
            to: Where to write; its folder is created if it does not exist.
            state: Whether the output exists; see `Outputs.state`.
            is_ours: Whether the results file says that an earlier run wrote the output.
        """
        try:
            if self.base is None:
                return self._enlarged(source, to, state, is_ours)
            memory.limit_to(self.budget)
            places = source.absolute(self.base), to.absolute(self.base)
            report = self._enlarged(*places, state, is_ours)
            return report._replace(input=str(source), output=str(to))
        except UpsampleError as error:
            return self.failed(source, to, str(error))
        except MemoryError:
            return self.failed(source, to, f"{source} needs more memory; pass fewer --jobs")

    def failed(self, source: Place, to: Place, error: str) -> Report:
        """Return the report of a picture that failed."""
        return Report(str(source), str(to), "failed", error, method=self.task.method.name)

    def _enlarged(self, source: Place, to: Place, state: State, is_ours: bool) -> Report:
        if is_not_picture(source):
            reason = _ARRAYS if array_files.format_of(source) else NOT_A_PICTURE
            return Report(str(source), str(to), "skipped", reason)
        skipped = Report(str(source), str(to), "skipped", ALREADY_EXISTS)
        fault = None
        if state != "missing":
            fault = self._fault(source, to, state, is_ours)
            if fault is None:
                return skipped
        self._make_folder(to)
        # A cluster may repeat a picture, and then finds the output of its first attempt.
        force = self.existing == "replace" or fault is not None or self.base is not None
        try:
            report = self.work(source, to, self.task._replace(force=force))
        except TargetExistsError:
            if to.modified() is None or self._misfit(source, to) is not None:
                raise
            if self.existing in ("skip", "update"):
                return skipped  # another run was faster
            # Else a worker of this run may have written it, and died before it could report.
            report = self.work(source, to, self.task._replace(force=True))
        if fault is None:
            return report
        return report._replace(notes=(*report.notes, f"replaced the old output, which {fault}"))

    def _fault(self, source: Place, to: Place, state: State, is_ours: bool) -> str | None:
        """Return why to replace an output that exists; None if it can stay."""
        misfit = self._misfit(source, to)
        if misfit and not is_ours:  # it may be somebody else's file
            raise TargetExistsError(f"{to} exists, but {misfit}; pass --force to replace it")
        return "is older than the input" if state == "older" else misfit

    def _misfit(self, source: Place, to: Place) -> str | None:
        """Return why an existing file is not the output; None if it may be."""
        limit = self.task.max_pixels
        expected = self.task.target_size.size(opening.read_size(source, limit, must_fit=False))
        try:
            size = opening.read_size(to, sys.maxsize, must_fit=False)
            if size == expected and not to.is_remote:  # stores never hold half of an object
                with suppress(PictureTooLargeError):  # written in strips, it may be too large
                    decode.decode(to, limit * OUTPUT_LIMIT)
        except ImageFileError as error:
            # The system gives its errors a number; decoders give none to damage.
            if isinstance(error.__cause__, ImportError) or getattr(error.__cause__, "errno", None):
                raise
            return "is incomplete"
        return None if size == expected else f"is {size[1]}x{size[0]}"

    def _make_folder(self, to: Place) -> None:
        if to.is_remote or to.folder.exists():
            return
        root = self.root if self.base is None else self.root.absolute(self.base)
        if not root.exists():
            raise ImageFileError(f"folder {self.root} is gone; restore it and run again")
        to.folder.make()


def is_not_picture(source: Place) -> bool:
    """Return whether to skip a file: neither its suffix nor its first bytes are of a picture.

    Raises:
        ImageFileError: The file cannot be read.
    """
    return source.suffix[1:] not in PICTURE_SUFFIXES and not opening.is_picture(source)
