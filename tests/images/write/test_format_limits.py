import io

import numpy as np
import pytest
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image, Metadata, full_scale
from upsample_cli.images.write import encode, format_limits
from upsample_cli.images.write.formats import Encoding


@pytest.mark.parametrize("format", ["JPEG", "BMP", "PPM"])
def test_transparency_is_not_dropped(format: str) -> None:
    """A format without opacity is refused for a transparent picture."""
    with pytest.raises(ImageFileError, match=f"{format} holds no transparency; write a PNG"):
        format_limits.fit(Image(texture_samples(4, 5, 4), "PNG"), format)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [2, 4])
def test_full_opacity_is_no_transparency(channels: int, dtype: type) -> None:
    """A picture that is opaque everywhere is written without its opacity; nothing is lost."""
    samples = np.ones((4, 5, channels), dtype) * np.array(full_scale(dtype), dtype)
    samples[..., :-1] //= 2
    output, notes = format_limits.fit(Image(samples, "PNG"), "PPM")
    assert output.channels == channels - 1
    if dtype is not np.float32:
        assert notes == ()
        np.testing.assert_array_equal(output.samples, samples[..., :-1])


def test_depth_is_dropped_with_a_note() -> None:
    """16 bits into a format of 8 are rounded, and that is told; PNG keeps them."""
    deep = Image(np.array([[[0], [128], [129], [65535]]], np.uint16), "PNG")
    output, notes = format_limits.fit(deep, "JPEG")
    assert output.samples.ravel().tolist() == [0, 0, 1, 255]
    assert notes == ("JPEG holds 8 bits a sample, so 16 were rounded",)
    assert format_limits.fit(deep, "PNG") == (deep, ())


@pytest.mark.parametrize(("format", "full"), [("PNG", 65535), ("PPM", 65535), ("WEBP", 255)])
def test_floats_are_rounded_with_a_note(format: str, full: int) -> None:
    """Floating-point samples of 0..1 get as many bits as the format holds, and that is told."""
    floats = Image(np.array([[[0.0], [0.25], [1.0]]], np.float32), "TIFF")
    output, notes = format_limits.fit(floats, format)
    assert output.samples.ravel().tolist() == [0, int(full * 0.25 + 0.5), full]
    assert notes == (
        f"{format} holds no floating-point samples, so they were rounded to "
        f"{8 if full == 255 else 16} bits",
    )


@pytest.mark.parametrize("level", [-0.01, 1.01])
def test_floats_are_not_clipped(level: float) -> None:
    """Numbers beyond 0..1 are refused where they would be cut off, and kept in a TIFF."""
    floats = Image(np.array([[[level]]], np.float32), "TIFF")
    with pytest.raises(ImageFileError, match=r"PNG holds no numbers beyond 0\.\.1"):
        format_limits.fit(floats, "PNG")
    assert format_limits.fit(floats, "TIFF") == (floats, ())


def test_what_a_format_cannot_say_is_told() -> None:
    """Metadata that has no place in the output is named, a note for each."""
    text = (("Title", "cat"), ("Comment", "black"))
    metadata = Metadata(icc=b"p", exif=b"II", xmp=b"<x/>", dpi=(72, 72), text=text)
    image = Image(texture_samples(4, 5, 3), "PNG", metadata)
    assert format_limits.fit(image, "PNG")[1] == ()
    assert format_limits.fit(image, "JPEG")[1] == ("JPEG holds no text, so it was left out",)
    lost = [note.split()[3].rstrip(",") for note in format_limits.fit(image, "BMP")[1]]
    assert lost == ["profile", "EXIF", "XMP", "comment", "text"]


@pytest.mark.parametrize("length", [65_527, 65_528, 200_000])
def test_a_jpeg_gets_what_its_segments_hold(length: int) -> None:
    """EXIF and XMP that are too long are left out with a note; the longest that fit are written."""
    exif = b"II\x2a\0\x08\0\0\0" + bytes(length - 8)
    metadata = Metadata(exif=exif, xmp=bytes(length - 23))
    output, notes = format_limits.fit(Image(texture_samples(4, 5, 3), "PNG", metadata), "JPEG")
    encode.save(encode.to_pillow(output.samples), "JPEG", output.metadata, io.BytesIO(), Encoding())
    if length == 65_527:
        assert (output.metadata, notes) == (metadata, ())
    else:
        assert (output.metadata.exif, output.metadata.xmp) == (None, None)
        assert notes == (
            "its EXIF is too long for a JPEG, so it was left out",
            "its XMP is too long for a JPEG, so it was left out",
        )
