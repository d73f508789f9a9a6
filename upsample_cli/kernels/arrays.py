"""Arrays of numbers in .npz and .npy files, read whole and never unpickled."""

import io
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError

# What a damaged archive or array can raise on the way.
_FAULTS = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    SyntaxError,
    NotImplementedError,
    MemoryError,  # a head that promises too much
    OverflowError,
    RuntimeError,  # an archive that says it is encrypted
    zlib.error,
)


def read(path: str) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Return the array of a .npy, or those of a .npz by name.

    Args:
        path: The file.

    Raises:
        SettingError: No such file, no arrays in it, or objects that would have to be unpickled.
    """
    import tokenize  # slow to import, and most runs read no such file
    import zipfile

    try:
        with open(path, "rb") as file:
            found = np.load(io.BytesIO(file.read()), allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        arrays = {key: found[key] for key in found.files}
        # Of what else an archive may hold NumPy returns the bytes.
        return {key: each for key, each in arrays.items() if isinstance(each, np.ndarray)}
    except (*_FAULTS, tokenize.TokenError, zipfile.BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            raise SettingError(f"no kernel file {path}; check the path") from error
        raise SettingError(f"{path} is no kernel file; give a .npz or .npy of taps") from error


def numbers(name: str, array: NDArray[Any]) -> NDArray[np.float64]:
    """Return taps as float64.

    Args:
        name: What to call them.
        array: Of any type.

    Raises:
        SettingError: They are no real numbers.
    """
    if array.dtype.kind not in "fiub":
        raise SettingError(f"kernel '{name}' holds {array.dtype}, not numbers; give float taps")
    return array.astype(np.float64)
