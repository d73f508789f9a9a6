"""The names on the command line: what comes in, and where it goes."""

import sys

from upsample_cli.errors import SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import STREAM, Place, parse

_STANDARD_OUTPUT = ("/dev/stdout", "/dev/fd/1")  # which nothing is to replace


def of(
    paths: tuple[str, ...], files_from: str | None
) -> tuple[tuple[Place | Folder, ...], Place | Folder]:
    """Return inputs and output.

    Args:
        paths: The names on the command line.
        files_from: Where names of inputs are, which leaves the output alone.

    Raises:
        SettingError: There are too few or too many, or one is empty.
    """
    if "" in paths:
        raise SettingError("a name is empty, as of a shell variable that is not set; name a file")
    if files_from is not None:
        if len(paths) > 1:
            raise SettingError(f"--files-from names the inputs; leave {paths[0]} out")
        return (), parse(paths[0])
    if len(paths) < 2:
        raise SettingError(f"no OUTPUT after {paths[0]}; name a file or folder to write")
    output = STREAM if paths[-1] in _STANDARD_OUTPUT else paths[-1]
    return tuple(map(parse, paths[:-1])), parse(output)


def check_stream(inputs: tuple[Place | Folder, ...], output: Place | Folder) -> None:
    """Refuse standard output for what it cannot take.

    Args:
        inputs: Files and folders.
        output: A file, a folder, or standard output.

    Raises:
        SettingError: It is standard output, and the inputs are not one file, or it is closed or a
            terminal.
    """
    if isinstance(output, Folder) or not output.is_stream:
        return
    if len(inputs) != 1 or isinstance(inputs[0], Folder):
        what = f"folder {inputs[0]}" if len(inputs) == 1 else "many pictures"
        raise SettingError(f"{what} cannot go to standard output; name a folder to write")
    if sys.stdout is None or sys.stdout.isatty():
        fault = "closed" if sys.stdout is None else "a terminal"
        raise SettingError(f"standard output is {fault}; name a file or pipe it on")
