"""Tensors in .safetensors files, read without the library of that name.

A file is the length of a head (8 bytes, little-endian), the head in JSON (name -> dtype, shape and
data_offsets), and the tensors' bytes.

Source: Hugging Face, "safetensors", section Format.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_LARGEST_HEAD = 100_000_000  # bytes, the format's own limit


def read(path: str) -> dict[str, NDArray[Any]]:
    """Return the tensors of a file by name, those of other types than NumPy's as stand-ins.

    Those of bfloat16 are float32; floats of 8 bits, which mean little without a scale, stay bytes.

    Args:
        path: A .safetensors.

    Raises:
        SettingError: It is missing, cut, or says what cannot be.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise SettingError(f"no weights file {path}; check the path") from error
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= min(_LARGEST_HEAD, len(data) - 8):
        raise SettingError(f"{path} is no .safetensors; get a whole copy")
    try:
        head = json.loads(data[8 : 8 + length])
        return {
            name: _tensor(entry, memoryview(data)[8 + length :])
            for name, entry in head.items()
            if name != "__metadata__" and entry["dtype"] in _TYPES
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingError(f"{path} is a broken .safetensors; get a whole copy") from error


def _tensor(entry: dict[str, Any], data: memoryview) -> NDArray[Any]:
    start, end = entry["data_offsets"]
    dtype, shape = np.dtype(_TYPES[entry["dtype"]]), tuple(entry["shape"])
    if not 0 <= start <= end <= len(data) or end - start != math.prod(shape) * dtype.itemsize:
        raise ValueError("a tensor's bytes are not those of its shape")
    values: NDArray[Any] = np.frombuffer(data[start:end], dtype).reshape(shape)
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values
