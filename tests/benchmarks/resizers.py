"""Functions that enlarge samples in memory: uint8 (H, W, 3) in, uint8 (s H, s W, 3) out.

Each imports its library at its first call, and uses one thread.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.uint8]
Resizer: TypeAlias = Callable[[Samples, int], Samples]

_TAPS_A_PHASE = 9


def ours(samples: Samples, method: Any, scale: int) -> Samples:
    """Enlarge with a method of ours, in strips and tiles as the jobs do."""
    from upsample_cli.images.levels import Conversion
    from upsample_cli.jobs.enlarge.strips import ExtendedInput, output_window, strips, tiles

    height, width, channels = samples.shape
    size = height * scale, width * scale
    colour = Conversion(samples.dtype, alpha=False, premultiplied=True, linear=False)
    picture = ExtendedInput(
        (height, width),
        lambda *window: colour.planes(samples[window]),
    )
    stages = method.stages((height, width), size)
    larger = np.empty((*size, channels), samples.dtype)
    for rows in strips(size, channels, scale):
        for columns in tiles(size[1], scale):
            levels = colour.levels(output_window(stages, picture, rows, columns))
            tile = larger[rows.start : rows.stop, columns.start : columns.stop]
            for channel, plane in enumerate(levels):
                tile[..., channel] = plane
    return larger


def by_method(samples: Samples, scale: int, name: str, **settings: Any) -> Samples:
    """Enlarge with the method of ours that has this name."""
    return ours(samples, _method(name, **settings), scale)


def pillow(samples: Samples, scale: int, filter_name: str) -> Samples:
    """Enlarge with Pillow."""
    picture = PIL.Image.fromarray(samples)
    size = picture.width * scale, picture.height * scale
    return np.asarray(picture.resize(size, PIL.Image.Resampling[filter_name]))


def opencv(samples: Samples, scale: int, flag: str) -> Samples:
    """Enlarge with OpenCV."""
    import cv2

    cv2.setNumThreads(1)
    return cv2.resize(samples, None, fx=scale, fy=scale, interpolation=getattr(cv2, flag))


def zoom(samples: Samples, scale: int, order: int) -> Samples:
    """Enlarge with SciPy's splines, plane by plane."""
    from scipy import ndimage

    height, width, channels = samples.shape
    larger = np.empty((height * scale, width * scale, channels), np.uint8)
    for channel in range(channels):
        plane = ndimage.zoom(
            samples[..., channel].astype(np.float32),
            scale,
            order=order,
            mode="reflect",
            grid_mode=True,
        )
        larger[..., channel] = np.clip(np.rint(plane, out=plane), 0, 255, out=plane)
    return larger


def torch_transposed(samples: Samples, scale: int) -> Samples:
    """Enlarge with PyTorch's transposed convolution, a channel a group."""
    import torch

    torch.set_num_threads(1)
    length = _TAPS_A_PHASE * scale
    taps = np.hanning(length + 2)[1:-1]
    kernel = np.outer(taps, taps) * (scale / taps.sum()) ** 2
    weights = torch.from_numpy(kernel.astype(np.float32)).repeat(3, 1, 1, 1)
    with torch.inference_mode():
        larger = torch.nn.functional.conv_transpose2d(
            _tensor(samples), weights, stride=scale, padding=(length - scale) // 2, groups=3
        )
        return _samples(larger)


def torch_interpolate(samples: Samples, scale: int) -> Samples:
    """Enlarge with PyTorch's bicubic."""
    import torch

    torch.set_num_threads(1)
    with torch.inference_mode():
        larger = torch.nn.functional.interpolate(
            _tensor(samples), scale_factor=scale, mode="bicubic", align_corners=False
        )
        return _samples(larger)


BASELINE = "Pillow bicubic"
RESIZERS: dict[str, Resizer] = {
    "upsample tconv learned": functools.partial(by_method, name="tconv", kernel="learned"),
    "upsample lanczos": functools.partial(by_method, name="lanczos"),
    "upsample bicubic": functools.partial(by_method, name="bicubic"),
    "upsample nearest": functools.partial(by_method, name="nearest"),
    BASELINE: functools.partial(pillow, filter_name="BICUBIC"),
    "Pillow Lanczos": functools.partial(pillow, filter_name="LANCZOS"),
    "OpenCV INTER_CUBIC": functools.partial(opencv, flag="INTER_CUBIC"),
    "OpenCV INTER_LANCZOS4": functools.partial(opencv, flag="INTER_LANCZOS4"),
    "scipy.ndimage.zoom order 1": functools.partial(zoom, order=1),
    "scipy.ndimage.zoom order 3": functools.partial(zoom, order=3),
    "torch conv_transpose2d, 9 taps a phase": torch_transposed,
    "torch interpolate bicubic": torch_interpolate,
}


@functools.cache
def _method(name: str, **settings: Any) -> Any:
    from upsample_cli.methods import catalogue

    return catalogue.build(name, **settings)


def _tensor(samples: Samples) -> Any:
    import torch

    return torch.from_numpy(samples).permute(2, 0, 1)[None].float()


def _samples(planes: Any) -> Samples:
    return planes.round_().clamp_(0, 255).byte()[0].permute(1, 2, 0).contiguous().numpy()
