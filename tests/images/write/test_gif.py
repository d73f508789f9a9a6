import io

import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.images.metadata import Metadata
from upsample_cli.images.read import animation
from upsample_cli.images.write import gif


def opened(picture: PIL.Image.Image, metadata: Metadata = Metadata()) -> PIL.Image.Image:  # noqa: B008 # it is frozen
    size = picture.height, picture.width
    return PIL.Image.open(
        io.BytesIO(gif.header(size, 1, metadata) + gif.frame(picture, 0) + gif.TRAILER)
    )


def test_grey_is_kept_exactly() -> None:
    """All 256 levels of grey fit."""
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with opened(PIL.Image.fromarray(samples)) as result:
        np.testing.assert_array_equal(np.asarray(result.convert("L")), samples)


@pytest.mark.parametrize("channels", [2, 4])
def test_opacity_becomes_all_or_nothing(channels: int) -> None:
    """Half opacity and more is seen, less is clear, of grey and of colours."""
    samples = texture_samples(16, 16, channels)
    samples[..., -1] = np.arange(256).reshape(16, 16)
    with opened(PIL.Image.fromarray(samples)) as result:
        alpha = np.asarray(result.convert("RGBA"))[..., 3]
    np.testing.assert_array_equal(alpha, np.where(samples[..., -1] >= 128, 255, 0))


@pytest.mark.parametrize("length", [1, 255, 256, 700])
def test_a_comment_of_any_length_is_kept(length: int) -> None:
    """Long comments go into several blocks."""
    metadata = Metadata(text=(("Comment", "c" * length),))
    with opened(PIL.Image.new("RGB", (3, 2)), metadata) as result:
        assert result.info["comment"] == b"c" * length


@pytest.mark.parametrize("length", [1, 255, 256, 700])
def test_profile_and_xmp_are_kept(length: int) -> None:
    """Both are read again as they were, beside a comment; a packet with a zero is a noted loss."""
    text = (("Comment", "words"),)
    metadata = Metadata(b"\0p" * length, xmp=b"<x>" + b"x" * length, text=text)
    picture = PIL.Image.new("RGB", (3, 2))
    data = gif.header((2, 3), 0, metadata) + gif.frame(picture, 40) * 2 + gif.TRAILER
    assert animation.read(data, "it").metadata == metadata
    assert metadata.losses("GIF") == ()
    wide = metadata._replace(xmp="<x>".encode("utf-16"))
    assert wide.losses("GIF") == ("XMP",)
    assert b"XMP Data" not in gif.header((2, 3), 0, wide)


def coloured(count: int, *alphas: int) -> PIL.Image.Image:
    """Return a picture of so many colours, whose opacities take turns."""
    samples = np.zeros((1, count, 3 if not alphas else 4), np.uint8)
    samples[..., 0], samples[..., 1] = np.divmod(np.arange(count) * 7, 256)
    if alphas:
        samples[0, :, 3] = np.resize(alphas, count)
    return PIL.Image.fromarray(samples)


@pytest.mark.parametrize(
    ("picture", "lost"),
    [
        (coloured(256), False),
        (coloured(257), True),
        (coloured(255, 0, 255), False),
        (coloured(256, 0, 255), True),
        (coloured(9, 255, 128), True),
        (PIL.Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)), False),
        (PIL.Image.merge("LA", [PIL.Image.linear_gradient("L").resize((9, 9))] * 2), True),
        (PIL.Image.new("LA", (3, 2), (90, 0)), False),
    ],
)
def test_colours_are_told_where_they_are_rounded(picture: PIL.Image.Image, lost: bool) -> None:
    """As long as nothing is said, every pixel that is seen is in the file as it was."""
    assert bool(gif.rounding_note(picture)) is lost
    expected = np.asarray(picture.convert("RGBA"))
    with opened(picture) as result:
        output = np.asarray(result.convert("RGBA"))
    visible = expected[..., 3] > 0
    same = np.array_equal(output[..., 3], expected[..., 3]) and np.array_equal(
        output[visible], expected[visible]
    )
    assert same is not lost
