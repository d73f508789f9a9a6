import io

import numpy as np
import pytest
from textures import texture_samples

from upsample_cli.errors import ImageFileError
from upsample_cli.images.image import Image, Metadata, full_scale
from upsample_cli.images.places.place import parse
from upsample_cli.images.write import encode, formats
from upsample_cli.images.write.formats import Encoding, check_size, format_of


@pytest.mark.parametrize(
    ("target", "word", "source", "expected"),
    [
        ("a.JPG", "png", "PNG", "JPEG"),
        ("a.b/c.webp", None, "PNG", "WEBP"),
        ("a", "tiff", "PNG", "TIFF"),
        ("-", "webp", "PNG", "WEBP"),
        ("-", None, "JPEG", "JPEG"),
        ("-", None, "ICO", "PNG"),
    ],
)
def test_the_suffix_decides_then_the_word_then_the_source(
    target: str, word: str | None, source: str, expected: str
) -> None:
    """The output's suffix decides its format, else the option, else the input's."""
    assert format_of(parse(target), word, source) == expected


def test_an_unknown_suffix_without_a_word_is_refused() -> None:
    """A suffix that is no format is not guessed at."""
    with pytest.raises(ImageFileError, match=r"no format '.xyz' to write a.xyz; use .png"):
        format_of(parse("a.xyz"), None, "PNG")


@pytest.mark.parametrize(
    ("target", "word", "quality", "compression", "unused"),
    [
        ("a.png", None, 90, 3, ["--quality"]),
        ("a.jpg", None, 90, 3, ["--compression"]),
        ("a.webp", None, 90, None, []),
        ("a.tiff", None, 90, 0, ["--quality", "--compression"]),
        ("-", "jpeg", 90, 3, ["--compression"]),
        ("-", None, 90, 3, []),
        ("a.bmp", None, None, None, []),
    ],
)
def test_settings_without_use_are_named(
    target: str, word: str | None, quality: int | None, compression: int | None, unused: list[str]
) -> None:
    """What a format has no use for is told, where the format is known beforehand."""
    notes = formats.unused_options(parse(target), Encoding(word, quality, compression))
    assert [words.split()[0] for words in notes] == unused


@pytest.mark.parametrize(
    ("format", "longest"),
    [("JPEG", 65500), ("WEBP", 16383), ("GIF", 65535), ("TGA", 65535), ("AVIF", 32768)],
)
def test_a_size_that_a_format_cannot_hold_is_refused(format: str, longest: int) -> None:
    """It is told before any work is done; one pixel less is fine."""
    check_size(format, (1, longest))
    with pytest.raises(ImageFileError, match=rf"{format} cannot hold {longest + 1}x1 pixels; wr"):
        check_size(format, (1, longest + 1))
    check_size("PNG", (1, longest + 1))


@pytest.mark.parametrize("format", ["JPEG", "BMP", "PPM"])
def test_transparency_is_not_dropped(format: str) -> None:
    """A format without opacity is refused for a transparent picture."""
    with pytest.raises(ImageFileError, match=f"{format} cannot hold transparency; write a PNG"):
        formats.fitted_to_format(Image(texture_samples(4, 5, 4), "PNG"), format)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [2, 4])
def test_full_opacity_is_no_transparency(channels: int, dtype: type) -> None:
    """A picture that is opaque everywhere is written without its opacity; nothing is lost."""
    samples = np.ones((4, 5, channels), dtype) * np.array(full_scale(dtype), dtype)
    samples[..., :-1] //= 2
    output, notes = formats.fitted_to_format(Image(samples, "PNG"), "PPM")
    assert output.channels == channels - 1
    if dtype is not np.float32:
        assert notes == ()
        np.testing.assert_array_equal(output.samples, samples[..., :-1])


def test_depth_is_dropped_with_a_note() -> None:
    """16 bits into a format of 8 are rounded, and that is told; PNG keeps them."""
    deep = Image(np.array([[[0], [128], [129], [65535]]], np.uint16), "PNG")
    output, notes = formats.fitted_to_format(deep, "JPEG")
    assert output.samples.ravel().tolist() == [0, 0, 1, 255]
    assert notes == ("JPEG holds 8 bits a sample, so 16 were rounded",)
    assert formats.fitted_to_format(deep, "PNG") == (deep, ())


@pytest.mark.parametrize(("format", "full"), [("PNG", 65535), ("PPM", 65535), ("WEBP", 255)])
def test_floats_are_rounded_with_a_note(format: str, full: int) -> None:
    """Floating-point samples of 0..1 get as many bits as the format holds, and that is told."""
    floats = Image(np.array([[[0.0], [0.25], [1.0]]], np.float32), "TIFF")
    output, notes = formats.fitted_to_format(floats, format)
    assert output.samples.ravel().tolist() == [0, int(full * 0.25 + 0.5), full]
    assert notes == (
        f"{format} cannot hold floating-point samples, so they were rounded to "
        f"{8 if full == 255 else 16} bits",
    )


@pytest.mark.parametrize("level", [-0.01, 1.01])
def test_floats_are_not_clipped(level: float) -> None:
    """Numbers beyond 0..1 are refused where they would be cut off, and kept in a TIFF."""
    floats = Image(np.array([[[level]]], np.float32), "TIFF")
    with pytest.raises(
        ImageFileError, match=r"PNG cannot hold these samples, which lie beyond 0\.\.1"
    ):
        formats.fitted_to_format(floats, "PNG")
    assert formats.fitted_to_format(floats, "TIFF") == (floats, ())


def test_what_a_format_cannot_say_is_told() -> None:
    """Metadata that has no place in the output is named, a note for each."""
    text = (("Title", "cat"), ("Comment", "black"))
    metadata = Metadata(icc=b"p", exif=b"II", xmp=b"<x/>", dpi=(72, 72), text=text)
    image = Image(texture_samples(4, 5, 3), "PNG", metadata)
    assert formats.fitted_to_format(image, "PNG")[1] == ()
    assert formats.fitted_to_format(image, "JPEG")[1] == (
        "JPEG cannot hold its text, so it was left out",
    )
    lost = [note.split()[4].rstrip(",") for note in formats.fitted_to_format(image, "BMP")[1]]
    assert lost == ["profile", "EXIF", "XMP", "comment", "text"]


GREY_PROFILE = bytes(16) + b"GRAY" + bytes(108)


@pytest.mark.parametrize(
    ("format", "channels", "background", "is_kept"),
    [
        ("PNG", 1, None, True),
        ("PNG", 2, None, True),
        ("TIFF", 1, (255, 0, 0), True),
        ("PNG", 2, (255, 0, 0), False),
        ("JPEG", 2, (255, 0, 0), False),
        ("JPEG", 1, None, True),
        ("WEBP", 1, None, False),
        ("AVIF", 2, None, False),
        ("GIF", 1, None, False),
        ("PNG", 3, None, False),
        ("BMP", 3, None, False),
    ],
)
def test_a_profile_of_grey_is_for_grey(
    format: str, channels: int, background: tuple[int, int, int] | None, is_kept: bool
) -> None:
    """It is left out, with one note, where the output has colours."""
    image = Image(texture_samples(4, 5, channels), "PNG", Metadata(icc=GREY_PROFILE))
    encoding = Encoding(background=background)
    image, notes = formats.fitted_to_format(image, format, encoding)
    assert (image.metadata.icc == GREY_PROFILE) is is_kept
    lost = "its profile of grey does not fit colours, so it was left out"
    assert notes == (() if is_kept else (lost,))


@pytest.mark.parametrize("length", [65_527, 65_528, 200_000])
def test_a_jpeg_gets_what_its_segments_hold(length: int) -> None:
    """What is too long is left out with a note, and the longest that fits is written."""
    exif = b"II\x2a\0\x08\0\0\0" + bytes(length - 8)
    metadata = Metadata(exif=exif, xmp=bytes(length - 23), iptc=bytes(length - 27))
    output, notes = formats.fitted_to_format(
        Image(texture_samples(4, 5, 3), "PNG", metadata), "JPEG"
    )
    encode.save(encode.to_pillow(output.samples), "JPEG", output.metadata, io.BytesIO(), Encoding())
    if length == 65_527:
        assert (output.metadata, notes) == (metadata, ())
    else:
        assert output.metadata == Metadata()
        assert notes == (
            "its EXIF is too long for a JPEG, so it was left out",
            "its XMP is too long for a JPEG, so it was left out",
            "its IPTC is too long for a JPEG, so it was left out",
        )
