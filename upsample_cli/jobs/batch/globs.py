"""Which files of a folder are wanted: patterns on paths relative to it."""

import re
from dataclasses import dataclass
from functools import cached_property

_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_FIXED = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Globs:
    """Patterns as in `.gitignore`, upper and lower case alike.

    `*` and `?` stop at a slash, `**` does not. A pattern without a slash is for names at any depth,
    one with a slash for the whole path.

    Args:
        include: A file has to match one of these; none stand for all.
        exclude: A file or folder that matches one of these is left out with all that is in it.

    >>> Globs(include=("*.jpg",), exclude=("thumbs/",)).takes("a/b.JPG")
    True
    >>> Globs(exclude=("thumbs", "**/old/*.png")).leaves("a/thumbs")
    True
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Tell whether a file is wanted, if no folder it is in was left."""
        included = not self.include or self._included.fullmatch(path) is not None
        return included and not self.leaves(path)

    def leaves(self, path: str) -> bool:
        """Tell whether a file or folder is left out."""
        return bool(self.exclude) and self._excluded.fullmatch(path) is not None

    @cached_property
    def _included(self) -> re.Pattern[str]:
        return _compiled(self.include)

    @cached_property
    def _excluded(self) -> re.Pattern[str]:
        return _compiled(self.exclude)


def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_translated, patterns)), re.IGNORECASE | re.DOTALL)


def _translated(pattern: str) -> str:
    """Return the regular expression of a pattern."""
    pattern = pattern.removeprefix("./").rstrip("/")
    anywhere = "" if "/" in pattern else "(?:.*/)?"
    return anywhere + "".join(map(_part, _PARTS.findall(pattern.removeprefix("/"))))


def _part(part: str) -> str:
    if part in _FIXED:
        return _FIXED[part]
    if len(part) > 2 and part.startswith("["):
        inside = part[1:-1].replace("\\", "\\\\")
        return f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return re.escape(part)
