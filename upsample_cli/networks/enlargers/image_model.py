"""A network in ONNX that enlarges pictures: what it takes and gives, found out by running it.

The file says little, so small pictures are run through the network. Two sizes show its scale and
the border that it leaves off; sizes that fail show the multiple that it needs; flat pictures show
the range of its levels and the pattern in its output; a picture with one half exchanged shows its
reach; a picture that begins some pixels later shows where tiles can begin.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from math import isfinite, prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from upsample_cli import memory
from upsample_cli.errors import NetworkFileError, SettingError, no_file
from upsample_cli.networks.enlargers.picture_trial import (
    RANGES,
    SIDE,
    Form,
    Range,
    Run,
    flat_ripple,
    form_of,
    least_odd_multiple,
    least_of,
    reason,
    scale_of,
    with_ranges,
)
from upsample_cli.networks.enlargers.tile_trial import reach_of
from upsample_cli.planes import Planes, Size

PROVIDERS = {
    "cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider", "directml": "DmlExecutionProvider",
}  # fmt: skip
# Where a map has no pixels left, the layout for speed divides by zero, which ends the process.
_CAREFUL = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
_FAST = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
_LOST = re.compile(r'External data path does not exist: "([^"]*)"')
_FAR = 0.1  # of full scale: a greater change of flat pictures says that something is missing
_REMEDY = "give a network that enlarges pictures"
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class ImageModel(NamedTuple):
    """A network that enlarges pictures.

    Args:
        run: Runs it on planes; several threads may call it at once.
        scale: Output pixels per input pixel.
        border: Output pixels that it leaves off at each edge.
        channels: 1 for luma or 3 for red, green and blue.
        takes: The values of black and white in its input: 0 and 1, 0 and 255, or -1 and 1.
        gives: The same for its output.
        layout: NCHW or NHWC.
        dtype: float32 or float16.
        size: Height and width of its input in pixels; None if any size will do.
        multiple: Height and width of its input have to be multiples of this many pixels.
        grid: A tile has to begin at a multiple of this many input pixels; a multiple of `multiple`.
        least: The least height and width that it takes, in pixels.
        halo: Input pixels beyond each side of a tile that the tile's output depends on.
        is_global: Whether an output pixel depends on the whole picture, so that tiles can differ.
        whole: The largest side of a picture, in pixels, that it then gets in one piece.
        flat_change: The mean change of the level of flat pictures, of full scale.
        ripple: The RMS of the pattern in its output for flat pictures, over their level.
    """

    run: Run
    scale: int
    border: int
    channels: int
    takes: Range
    gives: Range
    layout: str
    dtype: str
    size: tuple[int, int] | None
    multiple: int
    grid: int
    least: int
    halo: int
    is_global: bool
    whole: int
    flat_change: float
    ripple: float

    def facts(self) -> dict[str, Any]:
        """Return all fields except `run`, for reports that programs read."""
        return {name: value for name, value in self._asdict().items() if name != "run"}

    def pads(self, size: Size) -> bool:
        """Return whether it pads opaque pictures of this size itself, at every edge."""
        least = self.size or (self.least, self.least)
        is_whole = all(
            n >= low and n % self.multiple == 0 for n, low in zip(size, least, strict=True)
        )
        return is_whole and not self.border and self.channels == 3

    def notes(self, tile: int = 0) -> tuple[str, ...]:
        """Return notes on tiles that may differ, and on flat pictures that come out changed.

        Args:
            tile: The side of a tile that the user chose, in pixels; 0 for none.
        """
        side = min(self.size) if self.size else tile or self.whole
        tiles = (
            f"its network sees the whole picture; over {side} px a side tiles may differ, "
            "see --tile and --halo"
        )
        levels = (
            f"its network changes the level of flat pictures by {self.flat_change:.0%} of white; "
            "see --model-range, and what else it needs before and after it"
        )
        return (tiles,) * self.is_global + (levels,) * (self.flat_change > _FAR)


class _Value(NamedTuple):
    """An input or output: its name, its type, and its shape, empty if unknown."""

    name: str
    type: str
    shape: list[Any]


def load(path: str, provider: str, takes: str, halo: int | None) -> ImageModel:
    """Return the network in a file; it is examined again only when the file has changed.

    Args:
        path: A .onnx file.
        provider: One of `PROVIDERS`.
        takes: The range of its input, one of `RANGES`; `auto` to find out.
        halo: Its reach in input pixels; None to find out.

    Raises:
        SettingError: There is no such file or provider, or the network enlarges no pictures.
        NetworkFileError: The network fails on a picture.
    """
    try:
        modified = Path(path).stat().st_mtime_ns
    except (OSError, ValueError) as error:
        raise SettingError(no_file("model", path)) from error
    return _load(path, modified, provider, takes, halo)


@lru_cache(maxsize=4)
@np.errstate(all="ignore")  # a damaged network can return any numbers
def _load(path: str, modified: int, provider: str, takes: str, halo: int | None) -> ImageModel:
    """Return the network in a file; `modified` is there only as a part of the cache key."""
    shape, dtype, runner = _runner(path, provider, _CAREFUL)
    form, size, multiple = form_of(path, shape, runner)
    scale, border, multiple = scale_of(path, runner(form), form, size, multiple)
    least = min(size) if size else least_of(runner(form), form.channels, multiple)
    _, _, runner = _runner(path, provider, _FAST)
    form, change = with_ranges(
        form, runner, size or (least_odd_multiple(SIDE, multiple),) * 2, RANGES.get(takes)
    )
    run = runner(form)
    reach, grid, whole = reach_of(run, form.channels, size, multiple, scale)
    is_global, grid = grid == 0, grid or multiple
    trial = size or (least_odd_multiple(max(SIDE, 3 * grid), multiple),) * 2
    reach = max(reach if halo is None else halo, -(-border // scale))
    ripple = flat_ripple(run, form.channels, trial, scale * grid)
    if not isfinite(ripple):
        raise SettingError(f"{path} gives NaN or infinity for a grey picture; export it again")
    return ImageModel(
        run, scale, border, form.channels, form.takes, form.gives,
        "NHWC" if form.is_last else "NCHW", dtype, size, multiple, grid, least, reach, is_global,
        whole, change, ripple,
    )  # fmt: skip


def _runner(path: str, provider: str, level: Any) -> tuple[list[Any], str, Callable[[Form], Run]]:
    """Return a network's input shape and type, and a function that returns a `Run` for a form."""
    session, inputs, outputs = _session(path, provider, level)
    is_picture = len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].type in _TYPES
    if not is_picture or (isinstance(inputs[0].shape[0], int) and inputs[0].shape[0] > 1):
        listed = ", ".join(f"{item.name} {item.type} {item.shape}" for item in inputs) or "nothing"
        raise SettingError(f"{path} takes {listed}, not one picture; {_REMEDY}")
    names = [
        item.name
        for item in outputs
        if item.type.startswith("tensor") and len(item.shape) in (0, 4)
    ]
    if not names:
        listed = f"{outputs[0].name} {outputs[0].shape}" if outputs else "nothing"
        raise SettingError(f"{path} gives {listed}, not a picture; {_REMEDY}")
    dtype = _TYPES[inputs[0].type]

    def runner(form: Form) -> Run:
        """Return a function that runs the network on planes in this form."""

        def run(planes: Planes) -> Planes:
            """Return the network's output planes for input planes."""
            picture = np.moveaxis(planes, 0, -1) if form.is_last else planes
            feed = np.ascontiguousarray(form.takes.values(picture[None]), dtype)
            try:
                results = session.run(names, {inputs[0].name: feed})
            except Exception as error:  # onnxruntime's own errors share no base
                what = f"{path} fails on {planes.shape[2]}x{planes.shape[1]} pixels"
                raise NetworkFileError(f"{what} ({reason(error)}); check its input size") from error
            axes = slice(1, 3) if form.is_last else slice(2, 4)
            areas = [prod(result.shape[axes]) * (result.ndim == 4) for result in results]
            largest = areas.index(max(areas))
            names[:], result = [names[largest]], results[largest]  # others are not computed again
            if result.ndim != 4 or len(result) != 1:
                raise NetworkFileError(f"{path} gives {result.shape}, not a picture; {_REMEDY}")
            outcome = np.moveaxis(result[0], -1, 0) if form.is_last else result[0]
            return form.gives.planes(np.asarray(outcome, np.float32))

        return run

    return inputs[0].shape, np.dtype(dtype).name, runner


def _session(path: str, provider: str, level: Any) -> tuple[Any, list[_Value], list[_Value]]:
    """Return a session of a file, its inputs and outputs; each call runs on the caller's thread."""
    if PROVIDERS[provider] not in (available := onnxruntime.get_available_providers()):
        words = [word for word, name in PROVIDERS.items() if name in available]
        raise SettingError(
            f"--provider {provider} is not in this onnxruntime; choose {' or '.join(words)}, or "
            "install the package that has it, such as onnxruntime-gpu"
        )
    memory.check(2 * Path(path).stat().st_size, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena would never give memory back
    options.graph_optimization_level = level
    options.log_severity_level = 4  # it also raises what it would log
    names = [PROVIDERS[provider]]
    try:
        session = onnxruntime.InferenceSession(path, options, names, enable_fallback=0)
        # Reading names and shapes of a damaged file can fail.
        inputs, outputs = (
            [_Value(item.name, item.type, item.shape or []) for item in values]
            for values in (session.get_inputs(), session.get_outputs())
        )
        return session, inputs, outputs
    except Exception as error:  # onnxruntime's own errors share no base
        why, remedy = reason(error), "export it again"
        if lost := _LOST.search(str(error)):
            why, remedy = f"no file {Path(lost[1]).name} beside the model", "put it there"
        raise SettingError(f"{path} cannot be run ({why}); {remedy}") from error
