"""Read and write feature maps as .npy and .npz files, without ever unpickling.

Source: numpy.lib.format, "The .npy array format"; a .npz is a ZIP archive of such files.
"""

import io
import zipfile
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.places.place import Place

Array: TypeAlias = NDArray[Any]
FORMATS_OF_ARRAYS = ("npy", "npz")
UNNAMED = "arr_0"
"""NumPy's name for an array that was saved without a name."""

_SIGNATURE, _ZIP_SIGNATURE = b"\x93NUMPY", b"PK"


def format_of(place: Place) -> str:
    """Return "npy" or "npz" if a path has that suffix, else an empty string."""
    suffix = place.suffix[1:]
    return suffix if suffix in FORMATS_OF_ARRAYS else ""


def read(place: Place) -> dict[str, Array]:
    """Return the arrays in a file by name; the one in a .npy is called `UNNAMED`.

    Raises:
        ImageFileError: The file is missing or broken, or holds objects that need unpickling.
    """
    name = place.label.replace("the picture", "the feature map")
    with place.open() as file:
        head = file.read(len(_SIGNATURE))
        file.seek(0)
        if head != _SIGNATURE and head[:2] != _ZIP_SIGNATURE:
            raise ImageFileError(f"{name} is not an intact NumPy file; give a .npy or .npz")
        try:
            # Not mapped: a file that is cut while it is mapped would end the process.
            memory.check(file.seek(0, io.SEEK_END), name)
            file.seek(0)
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {UNNAMED: loaded}
            memory.check(sum(member.file_size for member in loaded.zip.infolist()), name)
            arrays = dict(loaded.items())
        except PictureTooLargeError:
            raise
        # Damaged files make NumPy raise errors of any kind: MemoryError if they claim a huge array.
        except Exception as error:
            if "allow_pickle" in str(error) or "Python objects" in str(error):
                raise ImageFileError(
                    f"{name} holds Python objects, which can run code; save an array of numbers"
                ) from error
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ImageFileError(f"{name} is damaged ({reason}); get an intact copy") from error
    # NumPy returns raw bytes for members of an archive that are not arrays.
    if not arrays or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ImageFileError(f"{name} does not hold NumPy arrays; give another .npz file")
    return arrays


def write(arrays: Mapping[str, Array], format: str, file: BinaryIO) -> None:
    """Write arrays to a file, which need not be seekable.

    Args:
        arrays: Arrays by name; exactly one for npy.
        format: One of `FORMATS_OF_ARRAYS`.
        file: The file to write to.

    Raises:
        ImageFileError: The format is npy and there is not exactly one array.
    """
    if format == "npz":
        buffer = io.BytesIO()  # an archive seeks; standard output cannot
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in arrays.items():  # `np.savez` takes no array called "file"
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    _write(array, member)
        file.write(buffer.getbuffer())
        return
    if len(arrays) != 1:
        raise ImageFileError(f"a .npy holds one array, not {len(arrays)}; write a .npz")
    _write(next(iter(arrays.values())), file)


def _write(array: Array, file: Any) -> None:
    """Write one array as a .npy, using only the file's `write`, as a pipe has nothing else."""
    only_write: Any = SimpleNamespace(write=file.write)
    np.lib.format.write_array(only_write, np.ascontiguousarray(array), allow_pickle=False)
