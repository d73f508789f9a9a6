"""The errors that a user can mend: each text is `fact; remedy`, in one line.

A class exists where a caller reacts differently, not per cause. Any other exception is a bug and
keeps its traceback.
"""

from collections.abc import Iterable


class UpsampleError(Exception):
    """A request that cannot be met."""


class SettingError(UpsampleError, ValueError):
    """A method, kernel, scale or option that cannot be, detected before work starts.

    It is a ValueError too: from Python, it is an argument of the wrong value.
    """


class ImageFileError(UpsampleError):
    """A picture that cannot be read or written."""


class TargetExistsError(ImageFileError):
    """The target exists, and replacing it was not requested."""


class PictureTooLargeError(ImageFileError):
    """A picture has more pixels than are allowed."""


class NetworkFileError(UpsampleError):
    """A network, or its weights, that cannot be read."""


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return "did you mean 'x'?" with the most similar word, or nothing if none is similar."""
    from difflib import get_close_matches  # only mistakes need it

    return "".join(f"did you mean '{near}'?" for near in get_close_matches(word, words, 1))
