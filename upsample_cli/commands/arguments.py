"""The names on the command line: what comes in, and where it goes."""

import os
import sys

from upsample_cli.errors import SettingError
from upsample_cli.images.places.target import STREAM, is_folder

_STANDARD_OUTPUT = ("/dev/stdout", "/dev/fd/1")  # which nothing is to replace


def of(paths: tuple[str, ...], files_from: str | None) -> tuple[tuple[str, ...], str]:
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
        return (), paths[0]
    if len(paths) < 2:
        raise SettingError(f"no OUTPUT after {paths[0]}; name a file or folder to write")
    return paths[:-1], STREAM if paths[-1] in _STANDARD_OUTPUT else paths[-1]


def is_single(inputs: tuple[str, ...], output: str) -> bool:
    """Tell whether one file becomes one file.

    Args:
        inputs: Files and folders.
        output: A file, a folder, or "-".
    """
    if len(inputs) != 1 or is_folder(inputs[0]):
        return False
    return output == STREAM or not (output.endswith(("/", os.sep)) or is_folder(output))


def check_stream(inputs: tuple[str, ...]) -> None:
    """Refuse what standard output cannot take.

    Args:
        inputs: Files and folders.

    Raises:
        SettingError: They are not one file, or it is closed or a terminal.
    """
    if len(inputs) != 1 or is_folder(inputs[0]):
        what = f"folder {inputs[0]}" if len(inputs) == 1 else "many pictures"
        raise SettingError(f"{what} cannot go to standard output; name a folder to write")
    if sys.stdout is None or sys.stdout.isatty():
        fault = "closed" if sys.stdout is None else "a terminal"
        raise SettingError(f"standard output is {fault}; name a file or pipe it on")
