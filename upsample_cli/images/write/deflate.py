"""Deflate and its checksums: by isal where it is installed, else by zlib.

Both write the same format; isal is several times as fast.

Source: RFC 1950, RFC 1951.
"""

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the checksums are needed without NumPy
    import numpy as np
    from numpy.typing import NDArray

isal_zlib: Any
try:
    from isal import isal_zlib
except ImportError:  # it is not built for every platform
    isal_zlib = None
adler32 = (isal_zlib or zlib).adler32
crc32 = (isal_zlib or zlib).crc32

_ISAL_LEVELS = range(1, 4)
# isal codes drawings and flat areas, which shrink this many times, in twice the bits of zlib.
_MUCH_SMALLER = 40
_ZLIB_LEVEL = 4  # for those


def compress(data: "NDArray[np.uint8]", compression: int, last: bool = True) -> bytes:
    """Return a raw deflate stream that ends on a byte boundary, so that another can follow.

    Args:
        data: What to compress, contiguous in memory.
        compression: 0 (none) to 9 (slowest).
        last: Whether no stream follows.
    """
    if isal_zlib is None or compression not in _ISAL_LEVELS:
        return _stream(zlib.compressobj(compression, wbits=-15), data.data, last)
    stream = _stream(isal_zlib.compressobj(compression, wbits=-15), data.data, last)
    if compression == 1 or len(stream) * _MUCH_SMALLER > data.size:
        return stream
    return min(stream, _compressed_again(stream, last), key=len)


@lru_cache(16)  # drawings have many equal strips
def _compressed_again(stream: bytes, last: bool) -> bytes:
    """Return the data of a stream as zlib compresses it; the short stream is the cache's key."""
    data = memoryview(zlib.decompressobj(wbits=-15).decompress(stream))
    return _stream(zlib.compressobj(_ZLIB_LEVEL, wbits=-15), data, last)


def _stream(compressor: Any, data: memoryview, last: bool) -> bytes:
    start = compressor.compress(data)
    return bytes(start + compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH))
