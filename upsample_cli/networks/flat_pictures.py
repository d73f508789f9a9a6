"""A network as a whole: the pattern that it makes of pictures, flat ones before all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from upsample_cli.networks.model_graph import Network
from upsample_cli.networks.session import Array, RunError, Session

WHITE = 255.0
_SIDE = 96  # pixels of a picture, where the network takes any number
_LONGEST = 64  # pixels of a pattern's period
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
_COLOURS = {
    "red": (0.8, 0.2, 0.2), "green": (0.2, 0.8, 0.2), "blue": (0.2, 0.2, 0.8),
    "yellow": (0.8, 0.8, 0.2), "skin": (0.9, 0.7, 0.6),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class PictureNetwork:
    """A network that takes a picture and makes one.

    Args:
        session: Of the whole network.
        feeds: What else it takes.
        name: Of the picture that it takes.
        output: Of the one that it makes.
        shape: Of the picture that it takes.
        is_last: Whether channels come last in both.
        stride: Output pixels per input pixel, down and across.
        period: Pixels down and across after which a pattern of a flat picture comes again.
        white: What the network takes for white, 1 or 255.
    """

    session: Session
    feeds: Mapping[str, Array]
    name: str
    output: str
    shape: tuple[int, ...]
    is_last: bool
    stride: tuple[int, int]
    period: tuple[int, int]
    white: float = 1.0

    @property
    def channels(self) -> int:
        """Of the picture that it takes."""
        return self.shape[-1] if self.is_last else self.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture that it takes."""
        return self.shape[1:3] if self.is_last else self.shape[2:]  # type: ignore[return-value] # 4

    def run(self, planes: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the planes, 0 to 1, that it makes of planes of its size.

        Raises:
            RunError: It does not run.
        """
        picture = np.broadcast_to(planes * np.float32(self.white), (self.channels, *self.size))
        picture = np.moveaxis(picture, 0, -1) if self.is_last else picture
        feeds = {**self.feeds, self.name: np.ascontiguousarray(picture[None], np.float32)}
        outcome = self.session.run(feeds)[self.output][0].astype(np.float64) / self.white
        return np.moveaxis(outcome, -1, 0) if self.is_last else outcome

    def flat(self) -> dict[str, float]:
        """Return the RMS, in levels, of the pattern that it makes of each flat picture."""
        colours = {f"grey {level:g}": (level,) * 3 for level in _LEVELS}
        colours |= _COLOURS if self.channels == 3 else {}
        return {name: self._pattern(colour) for name, colour in colours.items()}

    def _pattern(self, colour: tuple[float, ...]) -> float:
        planes = np.array(colour[: self.channels], np.float32)[:, None, None]
        outcome = self.run(planes)
        height, width = self.period
        # What borders do reaches far into a deep network, but does not repeat: phases average it.
        top, left = (length // 4 for length in outcome.shape[1:])
        rows = max(1, outcome.shape[1] // 2 // height)
        columns = max(1, outcome.shape[2] // 2 // width)
        middle = outcome[:, top : top + rows * height, left : left + columns * width]
        phases = middle.reshape(len(middle), rows, height, columns, width).mean(axis=(1, 3))
        spread = phases - phases.mean(axis=(1, 2), keepdims=True)
        return float(WHITE * np.sqrt(np.square(spread).mean()))


def picture_network(network: Network, period: int) -> PictureNetwork | None:
    """Return a network that makes pictures of pictures; None where a model does not.

    Args:
        network: After a trial run.
        period: Pixels of a pattern that its layers can make, where its output is no larger.
    """
    pictures = [name for name, array in network.feeds.items() if array.ndim == 4]
    outputs = [name for name in network.outputs if len(network.shapes.get(name, ())) == 4]
    if len(pictures) != 1 or not outputs or 0 in network.shapes[outputs[0]]:
        return None
    name, output = pictures[0], outputs[0]
    shape, outcome = network.shapes[name], network.shapes[output]
    is_last = shape[1] not in (1, 3) and shape[3] in (1, 3)
    channels, space = (3, slice(1, 3)) if is_last else (1, slice(2, 4))
    stride = tuple(b // a for a, b in zip(shape[space], outcome[space], strict=True))
    exact = all(s >= 1 and s * a == b for a, b, s in
                zip(shape[space], outcome[space], stride, strict=True))  # fmt: skip
    if shape[channels] not in (1, 3) or outcome[channels] not in (1, 3, 4) or not exact:
        return None
    down, across = stride
    periods = (down, across) if prod(stride) > 1 else (period, period)
    if prod(periods) == 1 or max(periods) > _LONGEST:
        return None
    kinds = {key: TensorProto.FLOAT if array.dtype == np.float32 else TensorProto.INT64
             for key, array in network.feeds.items()}  # fmt: skip
    try:
        session = network.part(network.nodes, kinds, [output])
    except RunError:
        return None
    return _ready(PictureNetwork(
        session, network.feeds, name, output, shape, is_last, (down, across), periods
    ))  # fmt: skip


def _ready(whole: PictureNetwork) -> PictureNetwork | None:
    """Return a network of a size that runs, and for white what makes grey most like itself."""
    shape, grey = whole.shape, np.full((1, 1, 1), 0.5, np.float32)
    space = (1, 2) if whole.is_last else (2, 3)
    for size in (tuple(_SIDE if at in space else n for at, n in enumerate(shape)), shape):
        both = [replace(whole, shape=size, white=white) for white in (1.0, WHITE)]
        try:
            errors = [abs(float(each.run(grey).mean()) - 0.5) for each in both]
        except (RunError, ValueError):
            continue
        return both[int(np.argmin(errors))]
    return None
