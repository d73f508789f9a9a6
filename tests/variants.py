"""Every method of the catalogue with every choice of its parameters."""

from itertools import product
from pathlib import Path
from typing import Any

import enlargers
import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.methods.catalogue import METHODS
from upsample_cli.methods.method import Method


def variants() -> list[Method]:
    """Return each method with all the choices and short ranges of its parameters."""
    methods: list[Method] = []
    for method in METHODS:
        choices: dict[str, tuple[Any, ...]] = {}
        for item in method.parameters():
            if item.choices:
                choices[item.name] = item.choices
            elif item.suffix:
                choices[item.name] = (enlargers.plain(),)
            elif item.kind is float:
                choices[item.name] = (0.0, 0.5)
            elif item.high is not None and item.low is not None and item.high - item.low < 8:
                choices[item.name] = tuple(range(item.low, item.high + 1))
        choices.pop("provider", None)  # this machine may have one alone
        for values in product(*choices.values()):
            try:
                methods.append(method(**dict(zip(choices, values, strict=True))))
            except SettingError:  # these choices exclude one another
                continue
    return methods


def label(method: Method) -> str:
    """Return a short name for a test."""
    settings = [Path(str(getattr(method, item.name))).name for item in method.parameters()]
    relevant = [setting for setting in settings if setting not in ("None", "0", "0.0", "False")]
    return "-".join([method.name, *relevant])


def is_centred(kernel: Kernel | None) -> bool:
    """Return whether a kernel is symmetric around its centre, as interpolation kernels are."""
    if kernel is None:
        return True
    mirrored = (kernel.taps[::-1], kernel.taps[:, ::-1], kernel.taps.T)
    symmetric = kernel.taps.shape[0] == kernel.taps.shape[1] and all(
        np.allclose(kernel.taps, item, atol=1e-12) for item in mirrored
    )
    return symmetric and kernel.shift == (0.0, 0.0)
