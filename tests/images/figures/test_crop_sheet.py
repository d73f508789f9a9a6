import io

import numpy as np
import PIL.Image
import pytest

from upsample_cli.images.figures.crop_sheet import Panel, crop_sheet


@pytest.mark.parametrize(("count", "rows", "across"), [(1, 1, 1), (4, 1, 4), (5, 2, 3), (9, 3, 3)])
def test_panels_stand_in_even_rows(count: int, rows: int, across: int) -> None:
    """Rows have up to four panels, as even as can be, with margins around and between them."""
    panels = [
        Panel(f"method {i}", "30 dB", np.full((64, 96, 3), 20 * i, np.uint8)) for i in range(count)
    ]
    sheet = np.asarray(PIL.Image.open(io.BytesIO(crop_sheet(panels))))
    high, wide = 64 * 4, 96 * 4
    assert sheet.shape[1] == across * (wide + 20) - 20 + 48
    assert (sheet[:10] == 255).all()
    assert (sheet[:, :24] == 255).all()
    assert (sheet[:, -24:] == 255).all()
    assert (sheet[-24:] == 255).all()
    step = (sheet.shape[0] - 48 + 20) // rows
    for i, panel in enumerate(panels):
        bottom, left = 24 + (i // across + 1) * step - 20, 24 + i % across * (wide + 20)
        large = panel.pixels.repeat(4, 0).repeat(4, 1)
        assert (sheet[bottom - high : bottom, left : left + wide] == large).all()
        assert (sheet[bottom - high - 40 : bottom - high, left : left + wide] < 128).any()


def test_large_panels_are_not_enlarged() -> None:
    """A crop is magnified by a whole number of 1 or more, and a long name is shortened."""
    panels = [Panel("x" * 300, "", np.zeros((10, 900, 1), np.uint8))]
    sheet = PIL.Image.open(io.BytesIO(crop_sheet(panels)))
    assert sheet.width == 900 + 48
