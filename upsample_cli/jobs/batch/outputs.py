"""The outputs of a batch: their names, and which of them exist already.

Objects in stores are looked up in listings of their folders, not one by one.
"""

from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import Literal, TypeAlias

from upsample_cli.errors import SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place
from upsample_cli.images.write.formats import FORMATS, KEPT_FORMATS
from upsample_cli.jobs.enlarge.task import Existing

PICTURE_SUFFIXES = {
    *FORMATS, "apng", "avif", "dds", "exr", "hdr", "heic", "heif", "ico", "j2k", "jfif", "jp2",
    "jpe", "jxl", "pcx", "psd", "qoi", "sgi",
}  # fmt: skip
"""The suffixes of files that are pictures; others are pictures if their first bytes say so."""

_FIELDS = ("stem", "suffix", "scale", "method")
_LISTINGS = 8  # cached listings: of the folder being walked, and of those it lies in

State: TypeAlias = Literal["missing", "older", "there"]
"""Whether an output is missing, older than its input, or there and not known to be older."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Turns the path of an input into that of its output, each relative to its folder.

    Args:
        format: The format of every output, a key of `FORMATS`; None keeps the inputs' suffixes.
        template: The name of an output, with fields: {stem}, {suffix}, {scale}, {method}; None
            keeps the inputs' names.
        scale: Output pixels per input pixel; None where each picture has its own.
        method: The name of the method.

    Raises:
        SettingError: The template has an unknown field or a slash, lacks {stem}, or has {scale}
            without a scale.
    """

    format: str | None = None
    template: str | None = None
    scale: float | None = None
    method: str = ""

    def __post_init__(self) -> None:
        """Refuse a template that is no file name, or gives every output the same name."""
        if self.template is None:
            return
        try:
            parts = Formatter().parse(self.template)
            fields = {field for _, field, *_ in parts if field is not None}
            unknown = sorted(fields - {*_FIELDS})
            if not unknown:
                self._named("a", ".a")  # a number format such as {stem:d} raises here
        except (ValueError, LookupError) as error:
            raise SettingError(
                f"invalid --name '{self.template}' ({error}); use fields such as {{stem}}"
            ) from error
        if unknown:
            choices = ", ".join(f"{{{field}}}" for field in _FIELDS)
            raise SettingError(f"--name has no field {{{unknown[0]}}}; choose {choices}")
        if "stem" not in fields:
            fault = "gives every output the same name; use {stem}"
            raise SettingError(f"--name '{self.template}' {fault}")
        if {*self.template} & {"/", "\\"}:
            fault = "has a slash; name files only, such as {stem}"
            raise SettingError(f"--name '{self.template}' {fault}")
        if "scale" in fields and self.scale is None:
            raise SettingError(
                "--name has {scale}, but --size sets no scale; pass --scale, or leave {scale} out"
            )

    def output(self, path: str) -> str:
        """Return an output's path; without a format, .png is added to a suffix that cannot be kept.

        With a template, it takes the place of a picture's suffix that cannot be kept. A suffix that
        is no picture's belongs to the stem.

        >>> Naming().output("a/b.jpg"), Naming("webp").output("a.b/c")
        ('a/b.jpg', 'a.b/c.webp')
        >>> Naming("webp").output("a.png"), Naming("webp").output("a.txt")
        ('a.webp', 'a.txt.webp')
        >>> Naming().output("b.ico")
        'b.ico.png'
        >>> Naming("webp", "{stem}_x{scale}{suffix}", 2.0).output("a/b.jpg")
        'a/b_x2.webp'
        >>> Naming(None, "{stem}_x{scale:02}{suffix}", 2.0).output("a.png")
        'a_x02.png'
        >>> Naming(None, "{stem}_x{scale}{suffix}", 2.0).output("b.ico")
        'b_x2.png'
        """
        folder, slash, name = path.rpartition("/")
        stem, dot, suffix = name.rpartition(".")
        # The text beside a.png, which will be skipped, must not get its output's name.
        without_suffix = stem if stem and suffix.lower() in PICTURE_SUFFIXES else name
        if self.format is not None:
            stem, suffix = without_suffix, self.format
        elif not dot or suffix.lower() not in KEPT_FORMATS:
            stem, suffix = without_suffix if self.template else name, "png"
        if self.template is None:
            return f"{folder}{slash}{stem}.{suffix}"
        return f"{folder}{slash}{self._named(stem, f'.{suffix}')}"

    def _named(self, stem: str, suffix: str) -> str:
        """Return the template with its fields filled in; a whole scale is written as an integer."""
        assert self.template is not None  # the callers check
        scale = float(f"{self.scale or 0:g}")
        number = int(scale) if scale.is_integer() else scale
        return self.template.format(stem=stem, suffix=suffix, scale=number, method=self.method)


class Outputs:
    """Which outputs exist as a run begins; listings are cached, and not read again."""

    def __init__(self) -> None:
        self._times_in = lru_cache(_LISTINGS)(_times_in)

    def is_there(self, to: Place) -> bool:
        """Return whether an output exists."""
        return self._modified(to) is not None

    def state(self, source: Place, to: Place, existing: Existing) -> State:
        """Return the state of an output; "missing" also where it is refused or replaced anyway.

        Args:
            source: The input.
            to: The output.
            existing: What becomes of outputs that exist.
        """
        if existing in ("refuse", "replace") or (output_time := self._modified(to)) is None:
            return "missing"
        input_time = self._modified(source) if existing == "update" else None
        return "older" if input_time is not None and output_time < input_time else "there"

    def _modified(self, place: Place) -> float | None:
        return self._times_in(place.folder).get(place.name) if place.is_remote else place.modified()


def _times_in(folder: Folder) -> dict[str, float]:
    return {entry.name: entry.modified for entry in folder.entries() if not entry.is_folder}
