import zlib

import numpy as np
import pytest
from textures import texture_samples

from upsample_cli.images.write import deflate
from upsample_cli.images.write.deflate import compress

DRAWING = np.tile((np.arange(3072) // 3 % 2).astype(np.uint8), (128, 1))  # upright lines


def inflated(data: bytes) -> bytes:
    return zlib.decompressobj(wbits=-15).decompress(data)


@pytest.mark.parametrize("compression", range(10))
@pytest.mark.parametrize("has_isal", [False, True])
@pytest.mark.parametrize("data", [DRAWING, texture_samples(70, 90, 3), np.zeros(0, np.uint8)])
def test_what_was_deflated_comes_back(
    monkeypatch: pytest.MonkeyPatch, compression: int, has_isal: bool, data: np.ndarray
) -> None:
    """At every level, with isal and without it; streams that end on a byte can be joined."""
    if not has_isal:
        monkeypatch.setattr(deflate, "isal_zlib", None)
    first = compress(data, compression, last=False)
    second = compress(data, compression, last=True)
    assert inflated(first + second) == 2 * data.tobytes()


def test_drawings_are_as_small_as_zlib_makes_them() -> None:
    """What is all but flat takes no more room than at a middle level of zlib."""
    usual = zlib.compressobj(4, wbits=-15)
    expected = len(usual.compress(DRAWING.data) + usual.flush())
    assert len(compress(DRAWING, 2)) <= expected
    if deflate.isal_zlib is not None:
        assert len(compress(DRAWING, 1)) > 1.5 * expected


def test_the_same_strip_again_costs_no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A black picture is made of one strip, again and again, and zlib is slow at that."""
    tries: list[int] = []
    compressobj = zlib.compressobj

    def counted(level: int, wbits: int) -> object:
        tries.append(level)
        return compressobj(level, wbits=wbits)

    monkeypatch.setattr(zlib, "compressobj", counted)
    black = np.zeros(1 << 16, np.uint8)
    output = [compress(black, 2, last=False) for _ in range(9)]
    if deflate.isal_zlib is not None:
        assert len(tries) <= 1
    assert {inflated(item) for item in output} == {black.tobytes()}
