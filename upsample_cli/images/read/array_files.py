"""Feature maps in and out of .npy and .npz files, of any type of number, never unpickled.

Source: numpy.lib.format, "The .npy array format"; a .npz is a ZIP archive of such files.
"""

import io
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import Place

Array: TypeAlias = NDArray[Any]
WORDS = ("npy", "npz")
ONLY = "arr_0"
"""What NumPy calls an array without a name."""

_MAGIC = b"\x93NUMPY"
# What a damaged file can raise on the way; MemoryError for a head that promises too much.
_FAULTS = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    SyntaxError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    OverflowError,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)


def suffix(place: Place) -> str:
    """Return npy or npz where a path ends so, else nothing."""
    word = place.suffix[1:]
    return word if word in WORDS else ""


def read(place: Place) -> dict[str, Array]:
    """Return the arrays in a file by name; that of a .npy is called `ONLY`.

    Args:
        place: A .npy or .npz, or standard input.

    Raises:
        ImageFileError: It is missing or broken, or holds objects that would have to be unpickled.
    """
    name = place.label.replace("the picture", "the feature map")
    with place.open() as file:
        head = file.read(len(_MAGIC))
        file.seek(0)
        if head != _MAGIC and head[:2] != b"PK":
            raise ImageFileError(f"{name} is no feature map; give a .npy or .npz")
        try:
            if head == _MAGIC and place.local_path is not None:
                # Mapped, the file's length is checked before anything is allocated.
                return {ONLY: np.load(place.local_path, mmap_mode="r", allow_pickle=False)}
            found = np.load(file, allow_pickle=False)
            arrays = {ONLY: found} if isinstance(found, np.ndarray) else dict(found.items())
        except _FAULTS as error:
            if "allow_pickle" in str(error) or "Python objects" in str(error):
                raise ImageFileError(
                    f"{name} holds Python objects, which can run code; save an array of numbers"
                ) from error
            fault = " ".join(str(error).split()) or type(error).__name__
            raise ImageFileError(f"{name} is broken ({fault}); get a whole copy") from error
    if not arrays or not all(isinstance(each, np.ndarray) for each in arrays.values()):
        raise ImageFileError(f"{name} is no archive of arrays; give a feature map")
    return arrays


def write(arrays: Mapping[str, Array], word: str, file: BinaryIO) -> None:
    """Write arrays to a file that need not seek.

    Args:
        arrays: By name; one for a .npy.
        word: One of `WORDS`.
        file: Where to.

    Raises:
        ImageFileError: A .npy is to hold several.
    """
    if word == "npz":
        whole = io.BytesIO()  # an archive seeks; standard output cannot
        with zipfile.ZipFile(whole, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    _write(array, member)
        file.write(whole.getbuffer())
        return
    if len(arrays) != 1:
        raise ImageFileError(f"a .npy holds one array, not {len(arrays)}; write a .npz")
    _write(next(iter(arrays.values())), file)


def _write(array: Array, file: Any) -> None:
    head = io.BytesIO()
    contiguous = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(contiguous))
    file.write(head.getvalue())
    file.write(contiguous.reshape(-1).view(np.uint8).data)
