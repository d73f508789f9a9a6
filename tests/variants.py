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
        for item in method.parameters():
            if item.choices:
                words[item.name] = item.choices
            elif item.high is not None and item.low is not None and item.high - item.low < 8:
                words[item.name] = tuple(range(item.low, item.high + 1))
        for values in product(*words.values()):
            try:
                methods.append(method(**dict(zip(words, values, strict=True))))
            except SettingError:  # choices that exclude one another
                continue
    return methods


def label(method: Method) -> str:
    """Return a short name for a test."""
    settings = [str(getattr(method, item.name)) for item in method.parameters()]
    return "-".join([method.name, *(word for word in settings if word not in ("None", "0"))])


def is_centred(kernel: Kernel | None) -> bool:
    """Tell whether a kernel is its own mirror image around the centre; interpolations are."""
    if kernel is None:
        return True
    mirrored = (kernel.taps[::-1], kernel.taps[:, ::-1], kernel.taps.T)
    alike = kernel.taps.shape[0] == kernel.taps.shape[1] and all(
        np.allclose(kernel.taps, item, atol=1e-12) for item in mirrored
    )
    return alike and kernel.shift == (0.0, 0.0)
