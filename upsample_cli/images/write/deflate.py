"""Deflate, and the checksums that go with it: by isal where it is there, else by zlib.

Both make the same kind of stream; isal does so several times as fast.

Source: RFC 1950, RFC 1951.
"""

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what decodes needs the checksums before NumPy has loaded
    import numpy as np
    from numpy.typing import NDArray

isal_zlib: Any
try:
    from isal import isal_zlib
except ImportError:  # not every platform has it
    isal_zlib = None
adler32 = (isal_zlib or zlib).adler32
crc32 = (isal_zlib or zlib).crc32

_FAST = 3  # up to this level isal is used
_PLAIN, _THOROUGH = 40, 4  # times smaller: there isal spends twice the bits of this level of zlib


def deflated(data: "NDArray[np.uint8]", compression: int, last: bool = True) -> bytes:
    """Return a raw deflate stream, ending on a byte boundary so that another can follow.

    Args:
        data: What to deflate, in one piece of memory.
        compression: 0 (none) to 9 (slowest).
        last: Whether no stream follows.
    """
    if isal_zlib is None or not 1 <= compression <= _FAST:
        return _whole(zlib.compressobj(compression, wbits=-15), data.data, last)
    made = _whole(isal_zlib.compressobj(compression, wbits=-15), data.data, last)
    if compression == 1 or len(made) * _PLAIN > data.size:
        return made
    return min(made, _thorough(made, last), key=len)


@lru_cache(16)  # strips of one level, of which drawings have many, are the same
def _thorough(made: bytes, last: bool) -> bytes:
    """Return what zlib makes of drawings and flat areas, at which it is quick, too.

    Args:
        made: What was made of them: much shorter than they are, so that it can be looked up.
        last: Whether no stream follows.
    """
    data = memoryview(zlib.decompressobj(wbits=-15).decompress(made))
    return _whole(zlib.compressobj(_THOROUGH, wbits=-15), data, last)


def _whole(deflate: Any, data: memoryview, last: bool) -> bytes:
    start = deflate.compress(data)
    return bytes(start + deflate.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH))
