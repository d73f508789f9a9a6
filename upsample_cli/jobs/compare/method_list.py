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
_SETTING = re.compile(r":(?=\w[\w-]*=)")  # a drive's colon, as in C:\mine.npz, is none


class NamedMethod(NamedTuple):
    """A method, and what it is called beside others.

    Args:
        label: Its name and the settings that tell it from others.
        method: The method.
    """

    label: str
    method: Method


def by_default(scale: float) -> list[NamedMethod]:
    """Return the methods that are compared where none is named."""
    return parsed(_DEFAULT.format(whole_stride(scale) + 1))


def parsed(text: str) -> list[NamedMethod]:
    """Return the methods of a list, in its order.

    Args:
        text: Names with commas between them, each with `:parameter=value` after it, or without.

    Raises:
        SettingError: There is no such method, parameter or value, or one is named twice.

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
        values[key.replace("-", "_")] = value
    known = {method.name: method.parameters() for method in catalogue.METHODS}
    for parameter in known.get(name, ()):
        value = values.get(parameter.name)
        if parameter.kind is int and isinstance(value, str):
            if not re.fullmatch(r"-?\d+", value):
                raise SettingError(
                    f"{parameter.name}={value} is no number; give {parameter.values}"
                )
            values[parameter.name] = int(value)
    method = catalogue.build(name, **values)
    return NamedMethod(_label(method), method)


def _label(method: Method) -> str:
    """Return a name with the settings that are not what they are by default, and the kernel."""
    words = [method.name]
    for parameter in method.parameters():
        value = getattr(method, parameter.name)
        if parameter.name in ("kernel", "weights", "order") or value != parameter.default:
            words.append(Path(value).name if is_kernel_file(str(value)) else str(value))
    return " ".join(words)
