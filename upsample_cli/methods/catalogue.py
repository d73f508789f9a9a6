"""The list of all methods, in the order in which help and tables show them."""

from collections.abc import Collection
from os import PathLike, fspath
from typing import Any

from upsample_cli.errors import SettingError, did_you_mean
from upsample_cli.methods.convolution import ResizeConvolution, TransposedConvolution
from upsample_cli.methods.interpolation import Bicubic, Bilinear, Lanczos, Nearest, Spline
from upsample_cli.methods.method import Method
from upsample_cli.methods.network_methods import LearnedNetwork, OnnxNetwork

METHODS: tuple[type[Method], ...] = (
    Nearest,
    Bilinear,
    Bicubic,
    Lanczos,
    Spline,
    TransposedConvolution,
    ResizeConvolution,
    LearnedNetwork,
    OnnxNetwork,
)

DEFAULT, DEFAULT_LINEAR = LearnedNetwork.name, TransposedConvolution.name
"""The names of the default methods: for pictures, and for masks and feature maps."""


def default_name(settings: Collection[str], is_picture: bool) -> str:
    """Return the name of the method to use where none is named.

    Args:
        settings: The names of the parameters that are given. One that `tconv` has and `network`
            lacks selects `tconv`.
        is_picture: Whether a picture is enlarged, not a mask or feature maps.

    >>> default_name([], True), default_name(["kernel"], True), default_name([], False)
    ('network', 'tconv', 'tconv')
    """
    of_network = {parameter.name for parameter in LearnedNetwork.parameters()}
    of_tconv = {parameter.name for parameter in TransposedConvolution.parameters()} - of_network
    return DEFAULT if is_picture and of_tconv.isdisjoint(settings) else DEFAULT_LINEAR


def build(name: str, **settings: Any) -> Method:
    """Return a method by its name.

    Args:
        name: Its name on the command line.
        **settings: Values of its parameters; those that are not given have their defaults. Files
            may be paths too, and numbers NumPy's.

    Raises:
        SettingError: There is no such method, it has no such parameter, or a value is out of range
            or of a wrong type.
    """
    known = {method.name: method for method in METHODS}
    if name not in known:
        remedy = did_you_mean(name, known) or f"choose {', '.join(known)}"
        raise SettingError(f"no method '{name}'; {remedy}")
    names = {method.name: {setting.name for setting in method.parameters()} for method in METHODS}
    for setting in settings.keys() - names[name]:
        option = f"--{setting.replace('_', '-')}"
        owners = [owner for owner, settings_ in names.items() if setting in settings_]
        if not owners:
            raise SettingError(
                f"no method takes {setting}=; give scale= or what `upsample methods` shows"
            )
        *others, last = owners
        listed = f"{', '.join(others)} and {last}" if others else last
        raise SettingError(
            f"{option} is for {listed}, not for {name}; leave it out or pass -m {owners[0]}"
        )
    return known[name](**{setting: _plain(setting, value) for setting, value in settings.items()})


def _plain(setting: str, value: Any) -> Any:
    """Return a path as text, and a number of NumPy as one of Python; refuse other objects."""
    if isinstance(value, PathLike):
        return fspath(value)
    plain = value.item() if getattr(value, "ndim", None) == 0 else value
    if plain is not None and not isinstance(plain, str | int | float):
        raise SettingError(
            f"--{setting.replace('_', '-')} is of type {type(plain).__name__}; give a name, a "
            "number or the path of a file, such as taps saved as .npy"
        )
    return plain
