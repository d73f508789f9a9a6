"""Write a PNG strip by strip, without holding the picture: each strip of rows becomes a chunk.

Strips are filtered and deflated independently, so threads can share the work, and the bytes do not
depend on the number of threads. Deflate streams that end on a byte boundary can be joined (as pigz
does), and the checksum of all data is computed from the checksums of the strips. Where isal is
installed, it deflates several times as fast as zlib.

Source: W3C, "Portable Network Graphics (PNG) specification (third edition)"; RFC 1950, RFC 1951.
"""

import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from struct import pack
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from upsample_cli.images.image import Palette, Samples, packed
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.write.formats import PNG_SIGNATURE
from upsample_cli.planes import Size

isal_zlib: Any
try:
    from isal import isal_zlib
except ImportError:  # it is not built for every platform
    isal_zlib = None

Bytes: TypeAlias = NDArray[np.uint8]

ZLIB_HEADER = b"\x78\x01"  # deflate, window of 32 kB, fastest; strips follow as raw deflate
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_INDEXED = 3
_NONE, _SUB, _UP, _AVERAGE = range(4)
# The fifth, Paeth, saves 2 % at most on enlarged pictures and takes longer than deflate itself.
_FILTERS = (_AVERAGE, _UP, _SUB, _NONE)
_TRIAL_ROWS, _TRIAL_BYTES = 5, 4096  # the largest part of a strip that all filters are tried on
_ADLER_MODULUS = 65521
_adler32, _crc32 = (isal_zlib or zlib).adler32, (isal_zlib or zlib).crc32
_ISAL_LEVELS = range(1, 4)
# Where data shrink by more than this factor, as drawings do, isal leaves twice the bytes of zlib.
_MUCH_SMALLER = 40
_ZLIB_LEVEL = 4  # for such data


class PngStrip(NamedTuple):
    """A compressed strip.

    Args:
        chunk: The strip as an IDAT chunk.
        adler: The Adler-32 checksum of the bytes before compression.
        length: Number of bytes before compression.
    """

    chunk: bytes
    adler: int
    length: int


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk: length, kind, data and CRC-32 checksum."""
    return b"".join((pack(">I", len(data)), kind, data, pack(">I", _crc32(data, _crc32(kind)))))


TRAILER = chunk(b"IEND", b"")


def header(
    size: Size, channels: int, bits: int, metadata: Metadata, palette: Palette | None = None
) -> bytes:
    """Return everything before the first strip.

    Args:
        size: Height and width, each 1..2**31 - 1.
        channels: 1 for grey, 2 for grey with alpha, 3 for RGB, 4 for RGBA.
        bits: Bits per sample, 8 or 16; for indices of a palette 1, 2, 4 or 8.
        metadata: What to write beside the pixels.
        palette: The colours that the samples are indices of; None for plain samples.
    """
    colours = b""
    if palette and not palette.is_bilevel:
        colours = chunk(b"PLTE", palette.colours)
        colours += chunk(b"tRNS", palette.opacity) if palette.opacity else b""
    start = PNG_SIGNATURE + image_header(size, channels, bits, bool(colours))
    return start + metadata_chunks(metadata) + colours + chunk(b"IDAT", ZLIB_HEADER)


def image_header(size: Size, channels: int, bits: int, indexed: bool = False) -> bytes:
    """Return the IHDR chunk; arguments as for `header`, `indexed` if samples are indices."""
    height, width = size
    kind = _INDEXED if indexed else _COLOUR_TYPES[channels]
    shape = pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return chunk(b"IHDR", shape)


def encode_strip(samples: Samples, compression: int, last: bool, bits: int = 8) -> PngStrip:
    """Return a strip of rows, filtered and compressed.

    Args:
        samples: Shape (rows, W, C), uint8 or uint16.
        compression: 0 (none) to 9 (slowest).
        last: Whether this is the last strip.
        bits: Bits per index of a palette; 8 or more for plain samples.
    """
    if bits < 8:
        samples = packed(samples, bits)[..., None]
    filtered = _filtered(samples, compression)
    data = compress(filtered, compression, last)
    return PngStrip(chunk(b"IDAT", data), _adler32(filtered.data), filtered.size)


def joined(strips: Iterable[PngStrip]) -> Iterator[bytes]:
    """Yield the chunks of strips, then one with the checksum of all, computed from theirs."""
    low, high = 1, 0  # the halves of an Adler-32 checksum
    for strip in strips:
        yield strip.chunk
        high = (high + (strip.adler >> 16) + strip.length * (low - 1)) % _ADLER_MODULUS
        low = (low + (strip.adler & 0xFFFF) - 1) % _ADLER_MODULUS
    yield chunk(b"IDAT", pack(">HH", high, low))


def _filtered(samples: Samples, compression: int) -> Bytes:
    """Return the filtered rows, shape (rows, 1 + bytes per row)."""
    if samples.dtype.itemsize == 2:
        samples = samples.astype(">u2")
    rows, _, channels = samples.shape
    raw = np.ascontiguousarray(samples).reshape(rows, -1).view(np.uint8)
    pixel = channels * samples.dtype.itemsize
    return _apply(_NONE if compression == 0 else _best_filter(raw, pixel), raw, pixel)


def _best_filter(raw: Bytes, pixel: int) -> int:
    """Return the filter that compresses the middle of the rows best; `pixel`: bytes per pixel."""
    rows, width = raw.shape
    top, left = max(0, (rows - _TRIAL_ROWS) // 2), max(0, (width - _TRIAL_BYTES) // 2)
    left -= left % pixel
    sample = raw[top : top + _TRIAL_ROWS, left : left + _TRIAL_BYTES]
    return min(_FILTERS, key=lambda filter: len(compress(_apply(filter, sample, pixel), 1)))


def _apply(filter: int, raw: Bytes, pixel: int) -> Bytes:
    """Return filtered rows; the first gets Sub in place of Up or Average, as no row is above it."""
    out: Bytes = np.empty((len(raw), 1 + raw.shape[1]), np.uint8)
    filtered = out[:, 1:]
    out[:, 0] = filter
    if filter == _NONE:
        filtered[:] = raw
        return out
    if filter == _UP:
        np.subtract(raw[1:], raw[:-1], out=filtered[1:])
    elif filter == _AVERAGE:
        # Half of left + up, rounded down, within 8 bits; left of the first pixel counts as 0.
        np.subtract(raw[1:, :pixel], raw[:-1, :pixel] >> 1, out=filtered[1:, :pixel])
        left, up = raw[1:, :-pixel], raw[:-1, pixel:]
        half = left ^ up
        half >>= 1
        half += left & up
        np.subtract(raw[1:, pixel:], half, out=filtered[1:, pixel:])
    sub = slice(None if filter == _SUB else 1)
    out[sub, 0] = _SUB
    filtered[sub, :pixel] = raw[sub, :pixel]
    np.subtract(raw[sub, pixel:], raw[sub, :-pixel], out=filtered[sub, pixel:])
    return out


def compress(data: Bytes, compression: int, last: bool = True) -> bytes:
    """Return a raw deflate stream that ends on a byte boundary, so that another can follow.

    Args:
        data: The bytes to compress, contiguous in memory.
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
    """Return a stream's data compressed by zlib; the cache key is the stream, as it is short."""
    data = memoryview(zlib.decompressobj(wbits=-15).decompress(stream))
    return _stream(zlib.compressobj(_ZLIB_LEVEL, wbits=-15), data, last)


def _stream(compressor: Any, data: memoryview, last: bool) -> bytes:
    start = compressor.compress(data)
    return bytes(start + compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH))


def metadata_chunks(metadata: Metadata) -> bytes:
    """Return the chunks of metadata, in the order that the specification asks for."""
    chunks = [chunk(kind, data) for kind, data in metadata.colours]
    if metadata.icc:
        chunks.append(chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    elif metadata.srgb is not None:
        chunks.append(chunk(b"sRGB", bytes([metadata.srgb])))
    if metadata.gamma:
        chunks.append(chunk(b"gAMA", pack(">I", round(metadata.gamma * 100_000))))
    if metadata.chromaticity:
        coordinates = (round(value * 100_000) for value in metadata.chromaticity)
        chunks.append(chunk(b"cHRM", pack(">8I", *coordinates)))
    if metadata.dpi:
        across, down = (round(dpi / 0.0254) for dpi in metadata.dpi)
        chunks.append(chunk(b"pHYs", pack(">IIB", across, down, 1)))
    if metadata.exif:
        chunks.append(chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp.rstrip(b"\0")))
    chunks.extend(_text_chunk(key, value) for key, value in metadata.text)
    return b"".join(chunks)


def _text_chunk(key: str, value: str) -> bytes:
    # A NUL ends a keyword and is not allowed in a text, but texts of JPEGs often end with it.
    key, value = (text.rstrip("\0").replace("\0", " ") for text in (key, value))
    keyword = key.strip().encode("latin-1", "replace")[:79] or b"Comment"
    try:
        return chunk(b"tEXt", keyword + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        return chunk(b"iTXt", keyword + b"\0\0\0\0\0" + value.encode())
