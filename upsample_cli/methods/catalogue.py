"""The methods there are, in the order they are told."""

from typing import Any

from upsample_cli.errors import SettingError
from upsample_cli.methods.interpolation import Bicubic, Bilinear, Lanczos, Nearest, Spline
from upsample_cli.methods.method import Method, nearest
from upsample_cli.methods.resize_conv import ResizeConvolution
from upsample_cli.methods.tconv import TransposedConvolution

METHODS: tuple[type[Method], ...] = (
    Nearest,
    Bilinear,
    Bicubic,
    Lanczos,
    Spline,
    TransposedConvolution,
    ResizeConvolution,
)

DEFAULT = TransposedConvolution.name


def build(name: str, **settings: Any) -> Method:
    """Return a method by its word, with these settings.

    Args:
        name: The word on the command line.
        **settings: Values of its parameters; what is not given has its default.

    Raises:
        SettingError: No such method, a setting that the method lacks, or a value out of range.
    """
    known = {method.name: method for method in METHODS}
    if name not in known:
        remedy = nearest(name, known) or f"choose {', '.join(known)}"
        raise SettingError(f"no method '{name}'; {remedy}")
    taken = {method.name: {each.name for each in method.parameters} for method in METHODS}
    for setting in settings.keys() - taken[name]:
        option = f"--{setting.replace('_', '-')}"
        owners = [owner for owner, names in taken.items() if setting in names]
        if not owners:
            raise SettingError(f"no method has {option}; see `upsample methods`")
        raise SettingError(
            f"{option} is for {' and '.join(owners)}, not for {name}; leave it out or pass "
            f"-m {owners[0]}"
        )
    return known[name](**settings)
