"""Every method of the catalogue with every choice of its parameters."""

from itertools import product
from typing import Any

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.methods.catalogue import METHODS
from upsample_cli.methods.method import Method


def variants() -> list[Method]:
    """Return each method with all the choices and short ranges of its parameters."""
    methods: list[Method] = []
    for method in METHODS:
        words: dict[str, tuple[Any, ...]] = {}
        for each in method.parameters():
            if each.choices:
                words[each.name] = each.choices
            elif each.high is not None and each.low is not None and each.high - each.low < 8:
                words[each.name] = tuple(range(each.low, each.high + 1))
        for values in product(*words.values()):
            try:
                methods.append(method(**dict(zip(words, values, strict=True))))
            except SettingError:  # choices that exclude one another
                continue
    return methods


def label(method: Method) -> str:
    """Return a short name for a test."""
    settings = [str(getattr(method, each.name)) for each in method.parameters()]
    return "-".join([method.name, *(word for word in settings if word not in ("None", "0"))])


def is_centred(kernel: Kernel | None) -> bool:
    """Tell whether a kernel is its own mirror image around the centre; interpolations are."""
    if kernel is None:
        return True
    mirrored = (kernel.taps[::-1], kernel.taps[:, ::-1], kernel.taps.T)
    alike = kernel.taps.shape[0] == kernel.taps.shape[1] and all(
        np.allclose(kernel.taps, each, atol=1e-12) for each in mirrored
    )
    return alike and kernel.shift == (0.0, 0.0)
