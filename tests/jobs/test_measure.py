from pathlib import Path

import cv2
import numpy as np
import pytest
from textures import lattice, natural

from upsample_cli.errors import SettingError
from upsample_cli.jobs.measure import measure


def test_depth_does_not_change_the_figures(tmp_path: Path) -> None:
    """16 bits are measured in the same levels of 0..255 as 8 bits are."""
    plane = natural(150, 140, 2)[0] * 200 + 20 + 3 * lattice(150, 140, 2)
    found = []
    for dtype, factor in ((np.uint8, 1), (np.uint16, 257)):
        path = tmp_path / f"{factor}.png"
        assert cv2.imwrite(str(path), np.round(plane * factor).astype(dtype))
        found.append(measure(str(path), 2))
    assert found[0].ripple == pytest.approx(3, rel=0.05)
    assert found[1].ripple == pytest.approx(found[0].ripple, rel=0.01)
    assert found[1].verdict == found[0].verdict == "checkerboard"


@pytest.mark.parametrize("stride", [-1, 1, 17])
def test_strides_out_of_range_are_refused(stride: int) -> None:
    """The stride is refused before the file is opened."""
    with pytest.raises(SettingError, match=f"--stride {stride} is out of range; give 2..16"):
        measure("nowhere.png", stride)
