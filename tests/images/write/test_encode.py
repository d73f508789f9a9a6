import io
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import containers, files
from upsample_cli.images.read.decode import decode
from upsample_cli.images.write import animations, encode
from upsample_cli.images.write.formats import FORMATS, Encoding

FINE = Encoding(quality=95)
IPTC = b"\x1c\x02\x78\0\x03cap"
PACKET = b"<x xmpNote:HasExtendedXMP='0123456789ABCDEF0123456789ABCDEF'/>"
MORE = b"http://ns.adobe.com/xmp/extension/\x000123456789ABCDEF0123456789ABCDEF" + bytes(8)


@pytest.mark.parametrize("suffix", ["jpeg", "webp", "bmp", "gif", "tga"])
def test_every_format_can_be_written_and_read(tmp_path: Path, suffix: str) -> None:
    """A picture saved in any format is that format, of that size, about that colour."""
    samples = np.full((9, 11, 3), (200, 120, 40), np.uint8)
    path = tmp_path / f"out.{suffix}"
    with path.open("wb") as file:
        encode.save(encode.to_pillow(samples), FORMATS[suffix], Metadata(dpi=(72, 72)), file, FINE)
    image = files.read(parse(path))
    assert image.format == FORMATS[suffix]
    np.testing.assert_allclose(image.samples, samples, atol=4)


@pytest.mark.parametrize(("quality", "kept"), [(None, True), (90, False)])
def test_lossless_stays_lossless(quality: int | None, kept: bool) -> None:
    """A lossless WebP becomes a lossless one, unless a quality is asked for."""
    samples, file = texture_samples(9, 11, 3), io.BytesIO()
    encoding = Encoding(quality=quality)
    encode.save(encode.to_pillow(samples), "WEBP", Metadata(lossless="WEBP"), file, encoding)
    assert np.array_equal(np.asarray(PIL.Image.open(file)), samples) is kept
    assert containers.is_lossless_webp(file) is kept


@pytest.mark.parametrize("animated", [False, True])
def test_a_pillow_without_webp_is_an_error(monkeypatch: pytest.MonkeyPatch, animated: bool) -> None:
    """Where Pillow was built without libwebp, the remedy is another format."""
    for savers in (PIL.Image.SAVE, PIL.Image.SAVE_ALL):
        monkeypatch.delitem(savers, "WEBP", raising=False)
    samples, file = texture_samples(9, 11, 3), io.BytesIO()
    frames = map(encode.to_pillow, (samples, 255 - samples))
    save = (
        partial(animations.encode_webp_or_avif, "WEBP", frames, (50, 60), 0, Metadata())
        if animated
        else partial(encode.save, next(frames), "WEBP", Metadata(), file)
    )
    with pytest.raises(ImageFileError, match="built without WEBP; write a PNG"):
        save(Encoding())
    assert file.getvalue() == b""


def jpeg(metadata: Metadata) -> bytes:
    made = io.BytesIO()
    encode.save(PIL.Image.fromarray(texture_samples(9, 11, 3)), "JPEG", metadata, made, Encoding())
    return made.getvalue()


@pytest.mark.parametrize("iptc", [IPTC, IPTC + b"s"])
def test_a_jpeg_keeps_iptc_and_extended_xmp(tmp_path: Path, iptc: bytes) -> None:
    """Written segments are read again, of even and of odd length."""
    (tmp_path / "in.jpg").write_bytes(
        jpeg(Metadata(iptc=iptc, xmp=PACKET, extended_xmp=(MORE + b"one", MORE + b"two")))
    )
    metadata = decode(parse(tmp_path / "in.jpg")).metadata
    assert (metadata.iptc, metadata.xmp) == (iptc, PACKET)
    assert metadata.extended_xmp == (MORE + b"one", MORE + b"two")
    assert metadata.losses("JPEG") == ()
    assert set(metadata.losses("PNG")) == {"IPTC", "extended XMP"}
    assert metadata.stripped().losses("PNG") == ()
