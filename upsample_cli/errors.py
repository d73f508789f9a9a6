"""The errors a person can mend: each says `fact; remedy` in one line.

A kind exists where a caller reacts differently, not per cause. Anything else that is raised is a
bug and keeps its traceback.
"""


class UpsampleError(Exception):
    """A request that cannot be met; its text is `fact; remedy`."""


class SettingError(UpsampleError, ValueError):
    """A setting that cannot be: a method, kernel, scale or option, found before work starts.

    From Python it is an argument of the wrong value, and so a ValueError too.
    """


class ImageFileError(UpsampleError):
    """A picture that cannot be read or written."""


class TargetExistsError(ImageFileError):
    """The target is there already, and replacing it was not asked for."""


class PictureTooLargeError(ImageFileError):
    """A picture has more pixels than are allowed."""


class NetworkFileError(UpsampleError):
    """A network, or its weights, that cannot be read."""
