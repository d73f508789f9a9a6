"""The input of a comparison: a picture, its reference if there is one, and a list of methods.

A user writes the list as `bicubic,tconv:kernel=uniform:kernel_size=3`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError, did_you_mean
from upsample_cli.images.image import Image, Samples
from upsample_cli.images.levels import channel_levels
from upsample_cli.images.places.place import MAX_PIXELS, Place
from upsample_cli.images.read import files
from upsample_cli.jobs.enlarge.render import Renderer, renderer
from upsample_cli.jobs.enlarge.strips import strips, tiles
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.kernels.interpolants import BICUBIC, resampling
from upsample_cli.methods import catalogue
from upsample_cli.methods.interpolation import Bicubic
from upsample_cli.methods.method import Method
from upsample_cli.methods.strides import whole_stride
from upsample_cli.metrics.checkerboard import Checkerboard
from upsample_cli.planes import Size

Plane = NDArray[np.float32]
# The uniform kernel of stride + 1 taps is a classic: it leaves a checkerboard at every scale.
_DEFAULT = (
    "nearest,bicubic,lanczos,tconv,tconv:kernel=learned-soft,"
    "tconv:kernel=uniform:kernel_size={0},resize-conv,network"
)
_COMMA = re.compile(r",(?=\s*[\w-]*\s*(?::\w[\w-]*=|,|$))")  # before a method, not in a file's name
_SETTING = re.compile(r":(?=\w[\w-]*=)")  # not the colon of a drive, as in C:\mine.npz
_OPTION = re.compile(r"--([\w-]+)( (?!is |out|turns ))?")  # in an error, often before its value
_SETTINGS = {setting.name for method in catalogue.METHODS for setting in method.parameters()}
_ALWAYS_NAMED = ("kernel", "weights", "order", "model")  # parameters that a label always names
_YES_OR_NO = {"yes": True, "no": False}


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, samples: Samples) -> Samples:
        """Return the samples of this part."""
        rows = samples[self.top : self.top + self.height]
        return rows[:, self.left : self.left + self.width]

    def enlarged(self, scale: float, size: Size) -> "Box":
        """Return the same part of an enlargement by `scale`, cut to its `size`."""
        left, top = round(self.left * scale), round(self.top * scale)
        width = min(round((self.left + self.width) * scale), size[1]) - left
        height = min(round((self.top + self.height) * scale), size[0]) - top
        if width <= 0 or height <= 0:
            raise SettingError(
                f"--crop {','.join(map(str, self))} lies outside the picture; give another"
            )
        return Box(left, top, width, height)


class Options(NamedTuple):
    """How to compare methods: options of the command."""

    scale: float | None = None  # None for 2, or for the scale that leads to the reference's size
    reference: Place | None = None
    shrink: bool = False
    crop: Box | None = None  # in pixels of the picture
    max_pixels: int = MAX_PIXELS
    threads: int = 1


class Subject(NamedTuple):
    """A picture to enlarge, and the true enlargement if there is a reference."""

    name: str
    image: Image
    size: Size  # height and width of the outputs
    truth: Image | None = None
    box: Box | None = None  # the part to show, in pixels of the outputs
    repaired: Image | None = None  # `image` without its checkerboard, if it was repaired
    checkerboard: Checkerboard | None = None  # that of `image`, if it was repaired
    notes: tuple[str, ...] = ()  # what users may not expect, each in a few words

    @property
    def scale(self) -> float:
        """Output pixels per input pixel, on the axis where there are more."""
        return max(out / low for out, low in zip(self.size, self.image.size, strict=True))

    def enlarged_by(self, named: "NamedMethod") -> "Subject":
        """Return the subject with the picture that a method enlarges: original or repaired."""
        return self._replace(image=self.repaired or self.image) if named.is_repaired else self

    def renderer(self, method: Method) -> Renderer:
        """Return the renderer of the enlargement by a method."""
        target = TargetSize(width=self.size[1], height=self.size[0])
        with _settings_named():
            return renderer(self.image, self.size, Task(method, target), None)

    def part(self, method: Method, box: Box) -> Samples:
        """Return a part of the enlargement by a method, without computing the rest."""
        tile = range(box.left, box.left + box.width)
        render = self.renderer(method)._replace(tiles=(tile,))
        samples: Samples = render.strip(range(box.top, box.top + box.height)).content
        return samples[:, box.left : box.left + box.width]


def read_subject(source: Place, options: Options) -> Subject:
    """Read a picture and its reference, which is the picture itself where `shrink` is set."""
    image, scale = files.read(source, options.max_pixels), options.scale or 2.0
    # The page and the sheet are in colour, which the profile of a grey picture does not fit.
    image = image._replace(metadata=image.metadata.without_grey_profile()[0])
    low, truth, crop_scale, notes = image, None, scale, image.caveats
    if options.shrink:
        small = (max(1, int(image.size[0] / scale)), max(1, int(image.size[1] / scale)))
        size = (min(round(small[0] * scale), image.size[0]),
                min(round(small[1] * scale), image.size[1]))  # fmt: skip
        truth = image._replace(samples=image.samples[: size[0], : size[1]])
        low, crop_scale = _shrunk(truth, small), 1.0
    elif options.reference is not None:
        truth = files.read(options.reference, options.max_pixels)
        notes += tuple(f"--reference: {note}" for note in truth.caveats)
        wanted = truth.size if options.scale is None else TargetSize(scale).size(image.size)
        size, crop_scale = truth.size, truth.size[1] / image.size[1]
        if size != wanted or size[0] < image.size[0] or size[1] < image.size[1]:
            raise SettingError(
                f"--reference is {size[1]}x{size[0]}, which is not {source} enlarged; "
                "give the picture that it was shrunk from, or another --scale"
            )
    else:
        size = TargetSize(scale).size(image.size)
    box = None if options.crop is None else options.crop.enlarged(crop_scale, size)
    return Subject(source.name, low, size, truth, box, notes=notes)


def _shrunk(image: Image, size: Size) -> Image:
    """Return a picture shrunk to a size by an antialiased cubic."""
    render = renderer(image, image.size, Task(Bicubic(), TargetSize(1)), None)
    render = render._replace(stages=(resampling(BICUBIC, image.size, size),), size=size,
                             tiles=tuple(tiles(size[1], 1.0)))  # fmt: skip
    return image._replace(samples=rendered(render))


def rendered(render: Renderer, at_once: int = 0) -> Samples:
    """Return the samples of a whole output, computed `at_once` rows at a time; 0 for any."""
    runs = strips(render.size, render.image.channels, 1.0, at_once)
    return np.concatenate([render.strip(rows).content for rows in runs])


def luma_over_black(image: Image) -> Plane:
    """Return the luma of a picture over black, in levels of 0..255."""
    plane = channel_levels(image.samples, None)
    return plane * channel_levels(image.samples, -1) / np.float32(255) if image.has_alpha else plane


class NamedMethod(NamedTuple):
    """A method, and a label that no other method in the list has."""

    label: str
    method: Method
    is_repaired: bool = False  # whether the picture is repaired first


def default_methods(scale: float) -> list[NamedMethod]:
    """Return the methods that are compared at a scale if the user names none."""
    return methods_of(_DEFAULT.format(whole_stride(scale) + 1))


def methods_of(text: str) -> list[NamedMethod]:
    """Return the methods that a user's list names, in its order.

    >>> [one.label for one in methods_of("nearest, tconv:kernel=uniform:kernel_size=3")]
    ['nearest', 'tconv uniform 3']
    """
    methods = [_method(word.strip()) for word in _COMMA.split(text) if word.strip()]
    labels = [_label(method, has_folders=False) for method in methods]
    # Labels that would be equal get the folders of their files.
    labels = [
        _label(method, has_folders=True) if labels.count(label) > 1 else label
        for method, label in zip(methods, labels, strict=True)
    ]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None or not methods:
        fault = "names no method" if twice is None else f"{text} names {twice} twice"
        raise SettingError(f"--methods {fault}; write it as in bicubic,tconv:kernel=uniform")
    return list(map(NamedMethod, labels, methods))


def _method(word: str) -> Method:
    """Return the method that a word of the list names, such as `spline:order=2`."""
    name, *settings = _SETTING.split(word)
    methods = (method for method in catalogue.METHODS if method.name == name)
    kinds = {setting.name: setting.kind for method in methods for setting in method.parameters()}
    values: dict[str, str | float] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        key = key.replace("-", "_")
        if kinds and key not in kinds:
            remedy = did_you_mean(key, kinds) or f"choose {', '.join(kinds)}"
            raise SettingError(f"{name} has no setting '{key}'; {remedy}")
        kind = kinds.get(key, str)
        if kind is bool and value not in _YES_OR_NO:
            raise SettingError(f"invalid {key}={value}; give {key}=yes or {key}=no")
        try:
            values[key] = _YES_OR_NO[value] if kind is bool else kind(value)
        except ValueError:
            raise SettingError(f"invalid {key}={value}; give a number") from None
    with _settings_named():
        return catalogue.build(name, **values)


@contextmanager
def _settings_named() -> Iterator[None]:
    """Let errors in the block name settings as a list of methods does: `order=`, not `--order`."""

    def as_setting(option: re.Match[str]) -> str:
        """Return an option of an error as `name=`, or as it is if it is no setting."""
        name = option[1].replace("-", "_")
        return f"{name}{'=' if option[2] else ''}" if name in _SETTINGS else option[0]

    try:
        yield
    except SettingError as error:
        raise SettingError(_OPTION.sub(as_setting, str(error).removeprefix("-m "))) from None


def _label(method: Method, has_folders: bool) -> str:
    """Return the name of a method and those of its settings that tell it apart."""
    label = [method.name]
    for parameter in method.parameters():
        value = getattr(method, parameter.name)
        if parameter.name in _ALWAYS_NAMED or value != parameter.default:
            if isinstance(value, bool | float):
                label.append(parameter.name)
            if value is not True:
                label.append(str(value) if has_folders else Path(str(value)).name)
    return " ".join(label)
