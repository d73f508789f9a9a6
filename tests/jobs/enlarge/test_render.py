import tracemalloc

import numpy as np
import pytest

from upsample_cli.images.image import Image
from upsample_cli.images.metadata import Metadata
from upsample_cli.jobs.enlarge.render import MeasuredStrips
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.jobs.enlarge.threads import Workers
from upsample_cli.methods.catalogue import build


@pytest.mark.parametrize(
    ("size_in", "size_out"),
    [
        ((64, 64), (256, 256)),
        ((90, 160), (90, 1280)),
        ((160, 90), (1280, 90)),
        ((96, 100), (144, 150)),
        ((1, 4000), (5, 20000)),
        ((8, 9000), (16, 18000)),
    ],
)
def test_a_network_takes_the_memory_that_is_counted(
    size_in: tuple[int, int], size_out: tuple[int, int]
) -> None:
    """Strips of any shape take no more than they count, and at least half of it."""
    samples = np.random.default_rng(0).integers(0, 256, (*size_in, 4)).astype(np.uint8)
    task = Task(build("network"), TargetSize(height=size_out[0], width=size_out[1]))
    image = Image(samples, Metadata())
    tracemalloc.start()
    with Workers(1) as workers:
        strips = MeasuredStrips(image, size_out, task, True, workers)
        assert all(strip.encoded for strip in strips)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The program's own share, which is counted elsewhere, includes what little is not here.
    assert peak < strips.memory + (8 << 20)
    assert strips.memory < 2 * peak + (8 << 20)
