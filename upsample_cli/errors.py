"""Errors that a user can fix; each text is one line, `fact; remedy`.

Errors that callers handle in the same way share a class. An unexpected exception is a bug, and
keeps its traceback.
"""

from collections.abc import Iterable


class UpsampleError(Exception):
    """A request that cannot be met."""


class SettingError(UpsampleError, ValueError):
    """An invalid method, kernel, scale or option, detected before work starts.

    It is also a ValueError: in Python, the setting is an argument with a wrong value.
    """


class ImageFileError(UpsampleError):
    """A picture, or another file, that cannot be read or written."""


class TargetExistsError(ImageFileError):
    """The target exists, and replacing it was not requested."""


class PictureTooLargeError(ImageFileError):
    """A picture has more pixels, or needs more memory, than is allowed."""


class NetworkFileError(UpsampleError):
    """A network, or its weights, that cannot be read."""


def no_file(kind: str, path: str) -> str:
    """Return the error for a file of a `kind`, such as "kernel", that cannot be found.

    >>> no_file("kernel", "s3://bucket/k.npz")
    's3://bucket/k.npz is a URL; download the kernel file first'
    """
    if "://" in path:
        return f"{path} is a URL; download the {kind} file first"
    return f"no {kind} file {path}; check the path"


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return "did you mean 'x'?" with the most similar of `words`, or "" if none is similar."""
    from difflib import get_close_matches  # only mistakes need it

    return "".join(f"did you mean '{near}'?" for near in get_close_matches(word, words, 1))
