"""Writes .safetensors files byte by byte, without their library."""

import json

import numpy as np


def safetensors(arrays: dict[str, np.ndarray]) -> bytes:
    """Return a .safetensors file of float32 or 8-bit tensors."""
    head, data = {}, b""
    for name, array in arrays.items():
        end = len(data) + array.nbytes
        dtype = {"f": "F32", "i": "I8", "u": "F8_E4M3"}[array.dtype.kind]
        head[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps({"__metadata__": {"format": "pt"}, **head}).encode()
    return len(text).to_bytes(8, "little") + text + data
