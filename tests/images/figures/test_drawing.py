import pytest

from upsample_cli.images.figures import drawing


@pytest.mark.parametrize("room", [60, 200, 420, 1000])
@pytest.mark.parametrize("length", [1, 30, 300])
def test_a_long_text_loses_its_middle(room: int, length: int) -> None:
    """As much as fits is left of both ends, and all of what fits."""
    text = f"Checkerboard in {'name' * length}.png, red: stride 2"
    output = drawing.shortened(text, 14, room)
    assert drawing.text_width(output, 14) <= room
    if drawing.text_width(text, 14) <= room:
        assert output == text
    else:
        first, last = output.split("...")
        assert text.startswith(first)
        assert text.endswith(last)
        assert 0 <= len(last) - len(first) <= 1
        more = len(first) + len(last) + 1
        longer = f"{text[: more // 2]}...{text[more // 2 - more :]}"
        assert drawing.text_width(longer, 14) > room
