import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.images.read import inflate
from upsample_cli.images.read.inflate import stored


def whole(stream: bytes, portion: int) -> tuple[bytes, int]:
    """Return a stream that was handed on stored, and its longest portion."""
    file = BytesIO(stream)
    give = stored(lambda: file.read(portion), portion)
    parts = list(iter(give, b""))
    return b"".join(parts), max(map(len, parts), default=0)


@given(st.binary(max_size=2000), st.integers(0, 200), st.integers(1, 400), st.integers(0, 9))
def test_the_same_is_inflated(data: bytes, times: int, portion: int, level: int) -> None:
    """Any stream holds the same when it is stored, in portions of any length."""
    made, _ = whole(zlib.compress(data * times, level), portion)
    assert zlib.decompress(made) == data * times


def test_little_is_inflated_at_once() -> None:
    """A stream of zeros, a thousandth as long as they are, takes no more memory for that."""
    zeros = bytes(10_000_000)
    made, longest = whole(zlib.compress(zeros), 1000)
    assert zlib.decompress(made) == zeros
    assert longest < 2100


@pytest.mark.parametrize("cut", [1, 5, 500])
def test_what_is_cut_off_stays_so(cut: int) -> None:
    """Of a stream without its end, the rest comes, and no end."""
    noise = np.random.default_rng(0).bytes(5000)
    made, _ = whole(zlib.compress(noise)[:-cut], 700)
    inflater = zlib.decompressobj()
    found = inflater.decompress(made)
    assert not inflater.eof
    assert noise.startswith(found)
    assert len(found) >= 4400


def test_what_follows_the_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes after a stream are not looked at; and without isal a stream is as it was."""
    stream = zlib.compress(b"data")
    assert zlib.decompress(whole(stream + b"more", 7)[0]) == b"data"
    monkeypatch.setattr(inflate, "isal_zlib", None)
    assert whole(stream, 7)[0] == stream
