"""The audit of a network, in a process of its own.

On a damaged model, onnxruntime can crash, or take any amount of memory or time. Then only that
process ends, and the audit raises an error.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from math import isfinite, isnan, nan
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from upsample_cli import memory
from upsample_cli.errors import NetworkFileError, SettingError
from upsample_cli.jobs.audit.audit import Audit, OutputFigures
from upsample_cli.jobs.audit.layer_figures import figures
from upsample_cli.metrics.ripple import WHITE

if TYPE_CHECKING:
    from upsample_cli.networks.enlargers.flat_pictures import PictureNetwork

SECONDS, MEMORY = 120.0, 4 << 30  # limits of an audit; bytes beyond what its process has at first
_FLAT_SECONDS = 80.0  # after these, no further flat picture is run
_LIBRARIES = ("onnx", "onnxruntime")


def audit(path: str, pictures: tuple[str, ...] = ()) -> Audit:
    """Return the audit of a network.

    Args:
        path: A .onnx file.
        pictures: Paths of photographs to run the network on, too.

    Raises:
        SettingError: A library is not installed, or the network cannot be run on a photograph.
        UpsampleError: A file cannot be read, or the audit takes too much memory or time.
    """
    for library in _LIBRARIES:
        if sys.modules.get(library, library) is None or find_spec(library) is None:
            raise SettingError(
                f'{path} needs {library}, which is not installed; pip install "upsample-cli[audit]"'
            )
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        result = pool.submit(in_this_process, path, pictures)
        try:
            return result.result(SECONDS)
        except MemoryError as error:
            raise NetworkFileError(
                f"{path} takes more than {MEMORY >> 30} GiB to audit; audit a part of it"
            ) from error
        except BrokenProcessPool as error:
            raise NetworkFileError(
                f"{path} makes onnxruntime crash, or takes too much memory; export it again"
            ) from error
        except TimeoutError as error:
            for process in list(pool._processes.values()):
                process.kill()
            raise NetworkFileError(
                f"{path} takes longer than {SECONDS:.0f} s; audit a part of it"
            ) from error


def in_this_process(path: str, pictures: tuple[str, ...] = ()) -> Audit:
    """Return the audit of a network, made in the calling process; see `audit`."""
    from upsample_cli.networks.enlargers.flat_pictures import picture_networks
    from upsample_cli.networks.flatten import network_of
    from upsample_cli.networks.onnx_layers import layers
    from upsample_cli.networks.trial import with_trial_run

    start = perf_counter()
    _limit_memory()
    trial = with_trial_run(network_of(path))
    layer_figures = tuple(figures(layer) for layer in layers(trial))
    strides = [layer.stride for layer in layer_figures if layer.stride]
    networks, deadline = picture_networks(trial, strides), start + _FLAT_SECONDS
    has_several = len(networks) > 1
    outputs = [_output(network, pictures, deadline, f" of {name}" if has_several else "")
               for name, network in networks.items()]  # fmt: skip
    known = filter(None, outputs)
    output = max(known, key=lambda output: (isnan(output.levels), output.most), default=None)
    if output is None and pictures:
        raise SettingError(f"{path} does not turn pictures into pictures; leave --pictures out")
    return Audit(None, layer_figures, output, perf_counter() - start, memory.peak())


def _output(
    network: "PictureNetwork", pictures: tuple[str, ...], deadline: float, suffix: str
) -> OutputFigures | None:
    """Return the figures of an output, None if it cannot be run; `suffix` is part of its name."""
    from upsample_cli.networks.model_graph import RunError

    try:
        with np.errstate(all="ignore"):  # results that are not finite are reported
            flat = network.flat(deadline)
    except RunError:
        return None
    except TimeoutError:
        return OutputFigures(network.stride, nan, "", {}, {})
    if not all(map(isfinite, flat.values())):
        return OutputFigures(network.stride, nan, "", flat, {})
    worst = max(flat, key=lambda name: flat[name])
    photographs = {name: _of_photograph(network, name) for name in pictures}
    return OutputFigures(network.stride, flat[worst], worst + suffix, flat, photographs)


def _of_photograph(network: "PictureNetwork", name: str) -> float:
    """Return the ripple of the output for a photograph's middle, in levels; NaN if unknown."""
    from upsample_cli.images.levels import luma
    from upsample_cli.images.places.place import parse_file
    from upsample_cli.images.read.files import read
    from upsample_cli.metrics.meter import Meter
    from upsample_cli.metrics.rows import Rows

    image = read(parse_file(name))
    height, width = network.size
    if min(image.size[0] - height, image.size[1] - width) < 0:
        raise SettingError(f"{name} is smaller than {width}x{height}; give a larger picture")
    top, left = (image.size[0] - height) // 2, (image.size[1] - width) // 2
    part = image.samples[top : top + height, left : left + width]
    colours = part[..., :3] if image.channels >= 3 else part[..., :1].repeat(3, axis=2)
    planes = np.moveaxis(colours, 2, 0).astype(np.float32) / np.float32(image.peak)
    if network.form.channels == 1:
        planes = luma(planes)[None]
    outcome = network.run(planes).clip(0.0, 1.0) * WHITE
    meter = Meter((outcome.shape[1], outcome.shape[2]), network.period)
    meter.feed(Rows(luma(outcome)))
    return meter.result().ripple


def _limit_memory() -> None:
    """Limit this process to `MEMORY` more bytes than it has now, where the system can do that."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):
        return
