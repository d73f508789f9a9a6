"""A folder of pictures: which file becomes which, and what became of each."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from upsample_cli.errors import ImageFileError, UpsampleError
from upsample_cli.images import decoding
from upsample_cli.images.formats import FORMATS
from upsample_cli.jobs.image import upsample
from upsample_cli.jobs.task import Report, Task

Pair: TypeAlias = tuple[str, str]


def plan(source: str, to: str, format: str | None) -> list[Pair]:
    """Return input and output of every file below a folder, sorted, the tree kept.

    Args:
        source: The folder to read.
        to: The folder to write; need not be there yet.
        format: A word of `formats.FORMATS` that every output gets; None keeps the inputs' suffixes.

    Raises:
        ImageFileError: Two inputs have the same output, or the output folder is within the input.
    """
    top, goal = Path(source), Path(to)
    if goal.exists() and not goal.is_dir():
        raise ImageFileError(f"{to} is a file; name a folder to write to")
    if goal.resolve().is_relative_to(top.resolve()):
        raise ImageFileError(f"{to} lies within {source}; name a folder outside it")
    pairs: dict[str, str] = {}
    for path in sorted(top.rglob("*")):
        inside = path.relative_to(top)
        if not path.is_file() or any(part.startswith(".") for part in inside.parts):
            continue
        output = str(goal / _renamed(inside, format))
        if output in pairs:
            raise ImageFileError(
                f"{pairs[output]} and {path} would both become {output}; rename one of them"
            )
        pairs[output] = str(path)
    return [(path, output) for output, path in pairs.items()]


def run(pairs: list[Pair], task: Task, skip_existing: bool) -> Iterator[Report]:
    """Yield the report of each picture as it ends; one failure does not stop the others.

    Args:
        pairs: Inputs and outputs.
        task: What to do with each.
        skip_existing: Whether outputs that are there already count as done.
    """
    for source, to in pairs:
        if skip_existing and Path(to).exists():
            yield Report(source, to, "skipped", "is there already")
            continue
        try:
            yield _one(source, to, task)
        except UpsampleError as error:
            yield Report(source, to, "failed", str(error), method=task.method.name)


def _one(source: str, to: str, task: Task) -> Report:
    if not decoding.is_picture(source):
        return Report(source, to, "skipped", "is no picture")
    try:
        Path(to).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageFileError(f"cannot make {Path(to).parent}: {error.strerror}") from error
    return upsample(source, to, task)


def _renamed(path: Path, format: str | None) -> Path:
    """Return the output's name: with the format's suffix, or .png if the input's is not written."""
    if format is not None:
        return path.with_suffix(f".{format}")
    return path if path.suffix[1:].lower() in FORMATS else path.with_name(path.name + ".png")
