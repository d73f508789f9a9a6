"""How the outputs of a folder are called."""

from string import Formatter
from typing import NamedTuple

from upsample_cli.errors import SettingError
from upsample_cli.images.write.formats import KEPT

_FIELDS = ("stem", "suffix", "scale", "method")


class Naming(NamedTuple):
    """From the path of an input to that of its output, both below their folders.

    Args:
        format: A word of `formats.FORMATS` that every output gets; None keeps the inputs' suffixes.
        template: The name, with fields in braces: stem, suffix, scale and method; None keeps it.
        scale: Output pixels per input pixel; None where each picture has its own.
        method: The name of the method.
    """

    format: str | None = None
    template: str | None = None
    scale: float | None = None
    method: str = ""

    def check(self) -> None:
        """Refuse a template that names no file, or not every file apart.

        Raises:
            SettingError: It has an unknown field, a folder, or lacks the stem.
        """
        if self.template is None:
            return
        try:
            fields = {
                field for _, field, *_ in Formatter().parse(self.template) if field is not None
            }
            unknown = sorted(fields - {*_FIELDS})
            if not unknown:
                self.template.format(**dict.fromkeys(_FIELDS, ""))
        except (ValueError, LookupError) as error:
            raise SettingError(
                f"invalid --name '{self.template}' ({error}); use fields such as {{stem}}"
            ) from error
        if unknown:
            raise SettingError(f"--name has no {{{unknown[0]}}}; choose {', '.join(_FIELDS)}")
        if "stem" not in fields or {*self.template} & {"/", "\\"}:
            fault = "would be the same for all" if "stem" not in fields else "names a folder"
            raise SettingError(f"--name {self.template} {fault}; give a name with {{stem}}")
        if "scale" in fields and self.scale is None:
            raise SettingError("--name has {scale}, which --size leaves open; pass --scale")

    def output(self, path: str) -> str:
        """Return an output's path: with the format's suffix, or .png if the input's is not written.

        >>> Naming().output("a/b.jpg"), Naming("webp").output("a.b/c")
        ('a/b.jpg', 'a.b/c.webp')
        >>> Naming().output("b.ico")
        'b.ico.png'
        >>> Naming("webp", "{stem}_x{scale}{suffix}", 2.0).output("a/b.jpg")
        'a/b_x2.webp'
        """
        folder, slash, name = path.rpartition("/")
        stem, dot, suffix = name.rpartition(".")
        if self.format is not None:
            stem, suffix = stem or name, self.format
        elif not dot or suffix.lower() not in KEPT:
            stem, suffix = name, "png"
        if self.template is None:
            return f"{folder}{slash}{stem}.{suffix}"
        scale = "" if self.scale is None else f"{self.scale:g}"
        name = self.template.format(stem=stem, suffix=f".{suffix}", scale=scale, method=self.method)
        return f"{folder}{slash}{name}"
