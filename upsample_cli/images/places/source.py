"""Where a picture's bytes come from: a file, standard input, or a URL."""

import io
import os
import sys
from typing import BinaryIO

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.target import STREAM, is_url

MAX_PIXELS = 2**28
"""The most that a picture may have where nobody says otherwise."""


def named(path: str) -> str:
    """Return what a source is called in words."""
    return "the picture on stdin" if path == STREAM else path


def opened(path: str, head: bool = False) -> BinaryIO:
    """Return a file to read a picture from, one that can go back to its start.

    Args:
        path: A file, or "-" for standard input.
        head: Whether its head is likely to do, so that not all of it has to be fetched.

    Raises:
        ImageFileError: It is missing, a folder, empty, or cannot be read.
    """
    if path == STREAM:
        return io.BytesIO(_standard_input())
    if is_url(path):
        from upsample_cli.images.places import remote  # few names are URLs

        return remote.head(path) if head else remote.opened(path)
    try:
        file = open(path, "rb")  # noqa: SIM115 # the caller closes it
        return file if file.seekable() else io.BytesIO(file.read())
    except FileNotFoundError as error:
        raise ImageFileError(f"no file {path}; check the path") from error
    except IsADirectoryError as error:
        raise ImageFileError(f"{path} is a folder; name a picture in it") from error
    except OSError as error:
        raise ImageFileError(f"cannot read {path}: {error.strerror}; check the file") from error
    except ValueError as error:  # such as a NUL in the name
        raise ImageFileError(f"cannot read {path}: {error}; check the path") from error


def can_be_read_again(path: str) -> bool:
    """Tell whether a source is a file, of which opening takes nothing."""
    return os.path.isfile(path)


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        fault = "closed" if sys.stdin is None else "a terminal"
        raise ImageFileError(f"standard input is {fault}; pipe a picture in or name a file")
    data = sys.stdin.buffer.read()
    if not data:
        raise ImageFileError("standard input is empty; pipe a picture in or name a file")
    return data
