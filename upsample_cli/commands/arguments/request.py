"""The request: the arguments of `upsample` or `upsample repair`, parsed and checked."""

import sys
from dataclasses import dataclass
from typing import Any

from upsample_cli import process
from upsample_cli.errors import SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import MAX_PIXELS, STREAM, Place, parse
from upsample_cli.images.write.formats import Encoding
from upsample_cli.jobs.enlarge.task import Existing, Fit, TargetSize, Task
from upsample_cli.methods.catalogue import METHODS, build, default_name
from upsample_cli.methods.method import Method

ARRAY_FORMATS = ("npy", "npz")
_ARRAY_SUFFIXES = (".npy", ".npz")
_STANDARD_OUTPUT = ("/dev/stdout", "/dev/fd/1")  # a temporary file must not replace them
_MOST_JOBS = 4  # per core: more would only wait for one another
# Options, by the names of their parameters.
_NOT_FOR_LABELS = (
    "linear", "quality", "lossless", "background", "strict", "max_ripple", "alpha"
)  # fmt: skip
_FOR_PICTURES = (*_NOT_FOR_LABELS, "compression", "strip", "max_pixels", "report")
_FOR_FOLDERS = ("cluster", "include", "exclude", "name", "no_report")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to enlarge, how, and what to print.

    Args:
        inputs: Files and folders; none where --files-from names them.
        output: A file, or the folder of all outputs.
        task: How to enlarge each picture, with `threads` of 1.
        existing: What becomes of outputs that exist.
        jobs: How many processes, or threads for a single picture; None for the default.
        files_from: A file that names inputs, or "-".
        null: Whether the names in that file end with NUL instead of a line break.
        include: Globs of the files to take.
        exclude: Globs of the files and folders to leave out.
        name: A template for the names of outputs in a folder; None for the inputs' names.
        report: The results file, a .csv or a .jsonl; None for the default one of a folder.
        no_report: Whether to write no results file for a folder.
        dry_run: Whether to only print the plan.
        as_json: Whether to print JSON lines.
        quiet: Whether to print failures only.
        layout: The order of the axes of feature maps.
        max_ripple: The limit on the checkerboard, in levels; None for no limit.
        cluster: The address of a Dask cluster.
        given: The parameters given that may not suit the inputs, such as "alpha".

    Raises:
        SettingError: Options contradict each other, or do not suit the inputs or the output.
    """

    inputs: tuple[Place | Folder, ...]
    output: Place | Folder
    task: Task
    existing: Existing
    jobs: int | None
    files_from: str | None
    null: bool
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    name: str | None
    report: str | None
    no_report: bool
    dry_run: bool
    as_json: bool
    quiet: bool
    layout: str | None = None
    max_ripple: float | None = None
    cluster: str | None = None
    given: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check the options against each other, the inputs and the output."""
        if self.is_for_feature_maps:
            self._check_arrays()
        if isinstance(self.output, Place) and self.output.is_stream:
            check_stream(self.inputs)
        if self.task.labels and not self.is_for_feature_maps:
            self._check_labels()
        if self.null and self.files_from is None:
            raise SettingError("--null is for --files-from; leave it out")
        if self.is_for_one_file:
            self._refuse(_FOR_FOLDERS, "for folders; leave it out for one picture")
        if self.report and self.no_report:
            raise SettingError("--report and --no-report cannot be used together; leave one out")
        if self.report and not self.report.lower().endswith((".csv", ".jsonl")):
            raise SettingError(f"--report {self.report} must end in .csv or .jsonl; rename it")

    @property
    def is_for_feature_maps(self) -> bool:
        """Whether to enlarge feature maps, not pictures."""
        return _has_arrays((*self.inputs[:1], self.output), self.task.encoding.format, self.layout)

    @property
    def is_for_one_file(self) -> bool:
        """Whether there is one input and one output, and both are files, not folders."""
        is_file = len(self.inputs) == 1 and not isinstance(self.inputs[0], Folder)
        return is_file and isinstance(self.output, Place)

    @property
    def may_skip(self) -> bool:
        """Whether outputs that exist may be left as they are."""
        return self.existing in ("skip", "update")

    def _refuse(self, names: tuple[str, ...], reason: str) -> None:
        """Raise a `SettingError` with the reason if one of the options was given."""
        for name in names:
            if name in self.given:
                raise SettingError(f"--{name.replace('_', '-')} is {reason}")

    def _check_arrays(self) -> None:
        """Refuse inputs and options that do not suit feature maps."""
        if len(self.inputs) != 1:
            raise SettingError("feature maps are enlarged one file at a time; name one input")
        if isinstance(self.inputs[0], Folder):
            raise SettingError(f"{self.inputs[0]} is a folder; name one file of feature maps")
        self._refuse(_FOR_PICTURES, "for pictures, not for feature maps; leave it out")
        self.task.method.check_for("feature maps")
        if self.task.labels:
            raise SettingError(
                "--labels is for pictures, not for feature maps; pass -m nearest instead"
            )
        if (format := self.task.encoding.format) not in (None, *ARRAY_FORMATS):
            choices = " or ".join(ARRAY_FORMATS)
            raise SettingError(f"--format {format} cannot hold feature maps; choose {choices}")

    def _check_labels(self) -> None:
        """Refuse methods and options that do not suit label masks."""
        self.task.method.check_for("labels")
        self._refuse(_NOT_FOR_LABELS, "not for --labels; leave it out")


def upsample_request(
    paths: tuple[str, ...],
    *,
    method: str | None,
    scale: float | None,
    size: str | None,
    fit: Fit | None,
    **options: Any,
) -> Request:
    """Return the request made from the arguments of `upsample`.

    The last of `paths` is the output; those before it are inputs, unless --files-from names these.
    `options` become the settings of the method and the fields of `Encoding`, `Task` and `Request`.

    Raises:
        SettingError: A path, method, size or option is invalid.
    """
    inputs, output = places_of(paths, options["files_from"])
    given = frozenset(name for name, value in options.items() if _is_given(value))
    names = {parameter.name for kind in METHODS for parameter in kind.parameters()}
    # Each step takes its options out of the dictionary; the rest are fields of `Request`.
    settings = {n: v for n in names if (v := options.pop(n)) is not None}
    encoding = Encoding.of(**{field: options.pop(field) for field in Encoding._fields})
    has_arrays = _has_arrays((*inputs[:1], output), encoding.format, options["layout"])
    is_picture = not (options["labels"] or has_arrays)
    name = default_name(settings, is_picture) if method is None else method
    chosen = build(name, **settings)
    task = Task(
        chosen, _target(chosen, scale, size, fit), encoding=encoding,
        premultiplied=options.pop("alpha") != "straight", drop_metadata=options.pop("strip"),
        **{field: options.pop(field) for field in ("boundary", "linear", "labels", "strict")},
    )  # fmt: skip
    return request_of(inputs, output, task, given=given, **options)


def request_of(inputs: tuple[Place | Folder, ...], output: Place | Folder, task: Task, *,
               force: bool, skip_existing: bool, update: bool, max_pixels: int | None,
               jobs: int | None, **options: Any) -> Request:  # fmt: skip
    """Return a request, from options that `upsample` and `upsample repair` share.

    No more jobs than `_MOST_JOBS` for each core are started.

    Raises:
        SettingError: Options contradict each other, or do not suit the inputs or the output.
    """
    existing: Existing = (
        "update" if update else "skip" if skip_existing else "replace" if force else "refuse"
    )
    if force and existing != "replace":
        other = "--update" if update else "--skip-existing"
        raise SettingError(f"--force and {other} cannot be used together; leave one out")
    return Request(
        inputs=inputs, output=output, existing=existing,
        task=task._replace(force=force, max_pixels=max_pixels or MAX_PIXELS),
        jobs=jobs and min(jobs, _MOST_JOBS * process.cores()), **options,
    )  # fmt: skip


def _has_arrays(places: tuple[Place | Folder, ...], format: str | None, layout: str | None) -> bool:
    """Return whether one of the places is a .npy or .npz file, or an option is for arrays."""
    files = [place.path.lower().endswith(_ARRAY_SUFFIXES) for place in places]
    return any(files) or format in ARRAY_FORMATS or layout is not None


def _is_given(value: Any) -> bool:
    return value is not None and value is not False and value != ()


def _target(method: Method, scale: float | None, size: str | None, fit: Fit | None) -> TargetSize:
    """Return the size of the outputs, from --scale or --size."""
    if scale is not None and size is not None:
        raise SettingError("--scale and --size cannot be used together; leave one out")
    if size is not None:
        return TargetSize.parsed(size, fit or "stretch")
    if fit is not None:
        raise SettingError(f"--fit {fit} is for --size WxH; leave it out")
    return TargetSize(method.own_scale if scale is None else scale)


def check_stream(inputs: tuple[Place | Folder, ...]) -> None:
    """Refuse inputs that cannot go to standard output, and an output that cannot take them.

    Raises:
        SettingError: The inputs are not one file, or standard output is closed or a terminal.
    """
    if len(inputs) != 1 or isinstance(inputs[0], Folder):
        what = f"folder {inputs[0]}" if len(inputs) == 1 else "many pictures"
        raise SettingError(f"{what} cannot go to standard output; name a folder to write to")
    if sys.stdout is None or sys.stdout.isatty():
        fault = "closed" if sys.stdout is None else "a terminal"
        raise SettingError(f"standard output is {fault}; name a file or pipe it on")


def places_of(
    paths: tuple[str, ...], files_from: str | None
) -> tuple[tuple[Place | Folder, ...], Place | Folder]:
    """Return the inputs and the output as places; with --files-from, `paths` is the output alone.

    Raises:
        SettingError: There are too few or too many paths, or one is empty.
    """
    if "" in paths:
        raise SettingError("a file name is empty (is a shell variable not set?); name a file")
    if files_from is not None and len(paths) > 1:
        raise SettingError(f"--files-from names the inputs; leave {paths[0]} out")
    if files_from is None and len(paths) < 2:
        raise SettingError(f"OUTPUT is missing after {paths[0]}; name a file or folder to write")
    output = STREAM if paths[-1] in _STANDARD_OUTPUT else paths[-1]
    return tuple(map(parse, paths[:-1])), parse(output)
