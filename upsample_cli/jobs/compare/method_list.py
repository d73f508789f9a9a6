"""Methods as people name them in a list: `bicubic,tconv:kernel=uniform:kernel_size=3`."""

import re
from pathlib import Path
from typing import NamedTuple

from upsample_cli.errors import SettingError
from upsample_cli.methods import catalogue
from upsample_cli.methods.kernel_chain import whole_stride
from upsample_cli.methods.method import Method

# Equal taps, one more than the stride: the classic that leaves a checkerboard at every scale.
_DEFAULT = (
    "nearest,bicubic,lanczos,tconv,tconv:kernel=learned-soft,"
    "tconv:kernel=uniform:kernel_size={0},resize-conv,network"
)
_SETTING = re.compile(r":(?=\w[\w-]*=)")  # the colon of a drive, as in C:\mine.npz, is none
_TELLING = ("kernel", "weights", "order", "model")  # parameters that a label always names
_YES_OR_NO = {"yes": True, "no": False}


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
    methods = (method for method in catalogue.METHODS if method.name == name)
    kinds = {setting.name: setting.kind for method in methods for setting in method.parameters()}
    values: dict[str, str | float] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        key = key.replace("-", "_")
        if kinds.get(key) is bool and value not in _YES_OR_NO:
            raise SettingError(f"{key}={value} is neither; give {key}=yes or {key}=no")
        kind = kinds.get(key, str)
        try:
            values[key] = _YES_OR_NO[value] if kind is bool else kind(value)
        except ValueError:
            raise SettingError(f"{key}={value} is no number; give one") from None
    method = catalogue.build(name, **values)
    label = [name]
    for parameter in method.parameters():
        value = getattr(method, parameter.name)
        if parameter.name in _TELLING or value != parameter.default:
            label.append(parameter.name if value is True else Path(str(value)).name)
    return NamedMethod(" ".join(label), method)
