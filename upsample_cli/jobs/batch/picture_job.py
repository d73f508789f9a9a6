"""What is done with each picture of a folder, in whichever process."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from upsample_cli.errors import ImageFileError, TargetExistsError, UpsampleError
from upsample_cli.images.places import target
from upsample_cli.images.places.target import is_folder, is_url
from upsample_cli.images.read import decode, header
from upsample_cli.images.read.opening import UNKNOWN
from upsample_cli.images.write.formats import FORMATS
from upsample_cli.jobs.batch.outputs import State, looked_at
from upsample_cli.jobs.enlarge.picture import OUTPUT_LIMIT, upsample
from upsample_cli.jobs.enlarge.task import Report, Task

Existing: TypeAlias = Literal["refuse", "replace", "skip", "update"]
"""What becomes of outputs that are there: skip leaves those that are whole, update newer ones."""

_PICTURES = {*FORMATS, "apng", "avif", "heic", "heif", "ico", "j2k", "jfif", "jp2", "jpe"}


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """Enlarges one picture of many; what is wrong with it is in its report.

    Args:
        task: What to do.
        root: The folder that all outputs lie in; it is not made anew where it has vanished.
        existing: What becomes of outputs that are there already; refusing is for who asks.
        base: The folder that names are relative to, for workers that may be elsewhere; none here.
    """

    task: Task
    root: str
    existing: Existing = "refuse"
    base: str | None = None

    @property
    def looks(self) -> bool:
        """Whether it matters what is known of an output before."""
        return self.existing in ("skip", "update")

    @property
    def dates(self) -> bool:
        """Whether it matters which is older, input or output."""
        return self.existing == "update"

    def __call__(self, source: str, to: str, known: State | None = None) -> Report:
        """Return what became of a picture.

        Args:
            source: Where it is read.
            to: Where it is written; the folder is made if need be.
            known: What is known of the output; None to have it looked at, if it matters.
        """
        try:
            made = self._made(self._based(source), self._based(to), known)
            return replace(made, input=source, output=to) if self.base else made
        except UpsampleError as error:
            return self.failed(source, to, str(error))
        except MemoryError:
            return self.failed(source, to, f"{source} needs more memory; pass fewer --jobs")

    def failed(self, source: str, to: str, error: str) -> Report:
        """Return the report of a picture that could not be done."""
        return Report(source, to, "failed", error, method=self.task.method.name)

    def _based(self, path: str) -> str:
        """Return a path that holds in any working folder, as that of a URL does."""
        return path if self.base is None or is_url(path) else str(Path(self.base, path))

    def _made(self, source: str, to: str, known: State | None) -> Report:
        if not is_url(source) and is_folder(source):
            raise ImageFileError(_unreadable(source))
        if is_other(source):
            return Report(source, to, "skipped", UNKNOWN)
        fault = None
        state = (known or looked_at(source, to, self.dates)) if self.looks else "missing"
        if state != "missing":
            fault = self._fault(source, to, state)
            if fault is None:
                return Report(source, to, "skipped", "is there already")
        if not is_url(to):
            self._make_folder(Path(to).parent)
        # A cluster may do a picture again, and then finds its own.
        force = self.existing == "replace" or fault is not None or self.base is not None
        try:
            report = upsample(source, to, replace(self.task, force=force))
        except TargetExistsError:
            if target.modified(to) is None or self._fault(source, to, "there") is not None:
                raise
            if self.looks:
                return Report(source, to, "skipped", "is there already")  # another run was faster
            # Or a worker of this run, that died before it could tell.
            report = upsample(source, to, replace(self.task, force=True))
        if fault is None:
            return report
        return replace(report, notes=(*report.notes, f"replaced the old output, which {fault}"))

    def _fault(self, source: str, to: str, state: State) -> str | None:
        """Return why an output that is there does not count; None if it is what would be made."""
        if state == "older":
            return "is older than the input"
        limit = self.task.max_pixels
        expected = self.task.target.size(header.size(source, limit))
        try:
            height, width = header.size(to, limit * OUTPUT_LIMIT)
            if not is_url(to):  # what was put is whole
                decode.decode(to, limit * OUTPUT_LIMIT)
        except ImageFileError:
            return "is not whole"
        return None if (height, width) == expected else f"is {width}x{height}"

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if not is_folder(str(Path(self.base or "", self.root))):
            raise ImageFileError(f"folder {self.root} has vanished; bring it back and start again")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageFileError(f"cannot make {folder}: {error.strerror}; check it") from error


def is_other(source: str) -> bool:
    """Tell whether a file neither claims to be a picture nor begins like one: it is skipped.

    Raises:
        ImageFileError: It cannot be read.
    """
    return Path(source).suffix[1:].lower() not in _PICTURES and not header.is_picture(source)


def _unreadable(folder: str) -> str:
    try:
        next(Path(folder).iterdir(), None)
    except OSError as error:
        return f"cannot read folder {folder}: {error.strerror}; check its permissions"
    return f"{folder} is a folder; name pictures"
