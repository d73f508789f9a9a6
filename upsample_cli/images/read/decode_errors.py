"""Whatever a decoder raises, told as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from struct import error as StructError  # noqa: N812 # a class, whatever its name

import PIL.Image

from upsample_cli.errors import ImageFileError

UNKNOWN = "is no picture of a format that is read"
"""What a file is said to be that may be a picture all the same, as of HEIC or PSD."""


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn what a decoder raises in the block into an error about the picture.

    Args:
        name: What to call it.

    Raises:
        ImageFileError: It is broken, or is no picture.
    """
    try:
        yield
    except (ImageFileError, MemoryError):
        raise
    except PIL.UnidentifiedImageError as error:
        raise ImageFileError(f"{name} {UNKNOWN}; give a PNG, JPEG, WebP, TIFF...") from error
    # Decoders meet hostile bytes in every way a parser can fail; all mean the same here.
    except Exception as error:
        fault = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error.__cause__ or error, StructError):  # numbers were to follow
            fault = "it ends too early"
        raise ImageFileError(f"{name} is broken ({fault}); get a whole copy") from error
