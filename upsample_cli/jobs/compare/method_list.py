"""Methods as people name them in a list: `bicubic,tconv:kernel=uniform:kernel_size=3`."""

import re
from pathlib import Path
from typing import NamedTuple

from upsample_cli.errors import SettingError
from upsample_cli.methods import catalogue
from upsample_cli.methods.kernel_chain import whole_stride
from upsample_cli.methods.method import Method, is_kernel_file

# Equal taps, one more than the stride: the classic that leaves a checkerboard at every scale.
_DEFAULT = (
    "nearest,bicubic,lanczos,tconv,tconv:kernel=learned-soft,"
    "tconv:kernel=uniform:kernel_size={0},resize-conv,network"
)
_SETTING = re.compile(r":(?=\w[\w-]*=)")  # the colon of a drive, as in C:\mine.npz, is none
_TELLING = ("kernel", "weights", "order")  # parameters that a label always names


class NamedMethod(NamedTuple):
    """A method, and the label that tells it from others."""

    label: str
    method: Method


def by_default(scale: float) -> list[NamedMethod]:
    """Return the methods that are compared where none is named."""
    return parsed(_DEFAULT.format(whole_stride(scale) + 1))


def parsed(text: str) -> list[NamedMethod]:
    """Return the methods of a list, in its order.

    >>> [one.label for one in parsed("nearest, tconv:kernel=uniform:kernel_size=3")]
    ['nearest', 'tconv uniform 3']
    """
    named = [_one(word.strip()) for word in text.split(",") if word.strip()]
    labels = [one.label for one in named]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None or not named:
        fault = "names no method" if twice is None else f"names {twice} twice"
        raise SettingError(f"--methods {text} {fault}; give such as bicubic,tconv:kernel=uniform")
    return named


def _one(word: str) -> NamedMethod:
    name, *settings = _SETTING.split(word)
    values: dict[str, str | int] = {}
    for setting in settings:
        key, value = setting.split("=", 1)
        values[key.replace("-", "_")] = int(value) if re.fullmatch(r"-?\d+", value) else value
    method = catalogue.build(name, **values)
    label = [name]
    for parameter in method.parameters():
        value = getattr(method, parameter.name)
        if parameter.name in _TELLING or value != parameter.default:
            label.append(Path(value).name if is_kernel_file(str(value)) else str(value))
    return NamedMethod(" ".join(label), method)
