"""What a person wants done with a picture: from options to a method, a size and a task."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from upsample_cli.commands.options import given
from upsample_cli.errors import SettingError
from upsample_cli.methods.catalogue import build

if TYPE_CHECKING:  # NumPy is not to be waited for by --help
    from upsample_cli.images.places.place import Place
    from upsample_cli.images.read.decode import Decoded
    from upsample_cli.images.read.label_mask import Mask
    from upsample_cli.jobs.enlarge.size import TargetSize
    from upsample_cli.jobs.enlarge.task import Task
    from upsample_cli.methods.method import Method

_PLAIN = {"boundary", "linear", "alpha", "format", "quality", "compression", "strip", "force",
          "jobs", "max_pixels", "layout", "labels"}  # fmt: skip


class Wanted(NamedTuple):
    """What the command line says of any picture.

    Args:
        method: The method's word.
        scale: Output pixels per input pixel.
        size: An exact size, as a text.
        options: Parameters of methods, and the plain options of a task.
    """

    method: str
    scale: float | None
    size: str | None
    options: dict[str, Any]

    def chosen(self) -> "tuple[Method, TargetSize]":
        """Return the method with its settings, and how large.

        Raises:
            SettingError: There is none of this word, a setting or the size cannot be.
        """
        settings = {name: value for name, value in self.options.items() if name not in _PLAIN}
        chosen = build(self.method, **given(settings))
        if self.scale is not None and self.size is not None:
            raise SettingError("--scale and --size are both given; leave one out")
        from upsample_cli.jobs.enlarge.size import TargetSize

        factor = 2.0 if self.scale is None else self.scale
        size = TargetSize(scale=factor) if self.size is None else TargetSize.parsed(self.size)
        return chosen, size

    def task(self, threads: int) -> "Task":
        """Return what to do with each picture.

        Args:
            threads: How many work on one at once.

        Raises:
            SettingError: As `chosen` does.
        """
        chosen, target = self.chosen()
        from upsample_cli.jobs.enlarge.task import Task

        names = _PLAIN - {"alpha", "jobs", "layout"}
        rest = given({name: self.options[name] for name in names})
        premultiplied = self.options["alpha"] == "premultiplied"
        return Task(chosen, target, premultiplied=premultiplied, threads=threads, **rest)

    def decoding(self, source: "Place") -> "Callable[[], Decoded | Mask]":
        """Begin to decode a picture while the libraries that it will need still load.

        Args:
            source: Where to read it.

        Returns:
            What gives the picture, once.
        """
        from upsample_cli.images.places.place import MAX_PIXELS
        from upsample_cli.images.read.decode import decode
        from upsample_cli.jobs.runtime.threads import in_background

        most = self.options["max_pixels"] or MAX_PIXELS
        if self.options["labels"]:
            from upsample_cli.images.read import label_mask

            return in_background(label_mask.read, source, most)
        return in_background(decode, source, most)
