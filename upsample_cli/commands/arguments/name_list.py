"""The names of inputs that are read from a file or from standard input."""

import os
import sys
from codecs import BOM_UTF8
from pathlib import Path

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import STREAM, Place, parse


def places_from(path: str, null: bool) -> list[Place | Folder]:
    """Return what is named in a file or on standard input; blank lines are left out.

    Args:
        path: The file, or "-" for standard input.
        null: Whether names end with NUL, not with a line.

    Raises:
        ImageFileError: The list cannot be read.
        SettingError: Lines hold NUL.
    """
    end = b"\0" if null else b"\n"
    if path == STREAM and sys.stdin is None:
        raise ImageFileError("standard input is closed; pipe names in or check --files-from")
    try:
        data = sys.stdin.buffer.read() if path == STREAM else Path(path).read_bytes()
    except OSError as error:
        raise ImageFileError(f"cannot read {path}: {error.strerror}; check --files-from") from error
    if not null and b"\0" in data:
        raise SettingError(f"{path} contains NUL, which no name does; pass --null if it ends them")
    data = data.removeprefix(BOM_UTF8)  # which editors on Windows write
    lines = data.split(end) if null else data.replace(b"\r\n", end).split(end)
    # Stores are not asked about thousands of URLs, one by one.
    return [parse(os.fsdecode(line), ask_store=False) for line in lines if line.strip()]
