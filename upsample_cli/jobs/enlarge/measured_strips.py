"""The strips of an enlarged picture, measured on their way to the file."""

from collections.abc import Callable, Iterable, Iterator

from upsample_cli.images.image import Image
from upsample_cli.jobs.enlarge.render import Strip, renderer
from upsample_cli.jobs.enlarge.size import stride
from upsample_cli.jobs.enlarge.strips import strips
from upsample_cli.jobs.enlarge.task import Task
from upsample_cli.jobs.runtime.threads import Workers
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.metrics.meter import Meter
from upsample_cli.metrics.rows import Rows
from upsample_cli.planes import Size

Progress = Callable[[Iterable[Strip], int], Iterator[Strip]]


class Measured:
    """The strips of a picture as they end, and then what the metric found in them.

    Args:
        image: The input.
        size: Height and width of the output.
        task: What to do.
        streamed: Whether strips are to be pieces of a PNG.
        workers: Who does it.
        progress: Wraps the strips as they end, given how many there will be.
    """

    def __init__(
        self,
        image: Image,
        size: Size,
        task: Task,
        streamed: bool,
        workers: Workers,
        progress: Progress | None = None,
    ) -> None:
        render = renderer(image, size, task, task.compression if streamed else None)
        runs = strips(size, render.channels, size[0] / image.size[0])
        made: Iterable[Strip] = workers.in_order(render.strip, runs)
        self._made = progress(made, len(runs)) if progress else made
        self._meters = {"colours": Meter(stride(image.size, size), *size)}
        if image.has_alpha:
            self._meters["opacity"] = Meter(stride(image.size, size), *size)
        self.channels = render.channels

    def __iter__(self) -> Iterator[Strip]:
        """Yield the strips in order."""
        for strip in self._made:
            if strip.opacity is None:
                self._meters["colours"].feed(Rows(strip.luma))
            else:
                self._meters["colours"].feed(Rows(strip.luma, strip.opacity > 0))
                self._meters["opacity"].feed(Rows(strip.opacity))
            yield strip

    def result(self) -> tuple[Checkerboard, tuple[str, ...]]:
        """Return what was found, once all strips have been taken, and what to say of it.

        Of colours and opacity that is what is worse: a soft edge is seen on any ground.
        """
        found = {name: meter.result() for name, meter in self._meters.items()}
        where = max(found, key=lambda name: found[name].rank)
        told = ("the checkerboard is in the opacity",)
        is_there = found[where].verdict == "checkerboard"
        return found[where], told if is_there and where == "opacity" else ()
