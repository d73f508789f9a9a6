import pytest

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import parse
from upsample_cli.images.write import formats
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
    ("format", "longest"), [("JPEG", 65500), ("WEBP", 16383), ("GIF", 65535), ("TGA", 65535)]
)
def test_a_size_that_a_format_cannot_hold_is_refused(format: str, longest: int) -> None:
    """It is told before any work is done; one pixel less is fine."""
    check_size(format, (1, longest))
    with pytest.raises(ImageFileError, match=rf"{format} cannot hold {longest + 1}x1 pixels; wr"):
        check_size(format, (1, longest + 1))
    check_size("PNG", (1, longest + 1))
