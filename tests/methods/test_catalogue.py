from pathlib import Path

import numpy as np
import pytest
from enlargers import plain

from upsample_cli.errors import SettingError
from upsample_cli.kernels.kernel import Kernel
from upsample_cli.methods.catalogue import METHODS, build, default_name
from upsample_cli.methods.method import Method


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_methods_are_built_by_their_word(method: type[Method]) -> None:
    """The word of a method gives it with its defaults."""
    settings = {"model": plain()} if method.name == "onnx" else {}
    assert build(method.name, **settings) == method(**settings)


def test_paths_and_numbers_of_numpy_are_settings() -> None:
    """They become plain values, as on the command line."""
    assert build("tconv", kernel=Path("mine.npz")) == build("tconv", kernel="mine.npz")
    assert build("network", weights=Path("mine.npz")) == build("network", weights="mine.npz")
    spline = build("spline", order=np.int64(2), antiring=np.float32(0.5))
    assert repr(spline) == repr(build("spline", order=2, antiring=0.5))


@pytest.mark.parametrize(
    ("settings", "is_picture", "name"),
    [
        ([], True, "network"), (["weights"], True, "network"), (["antiring"], True, "network"),
        (["kernel"], True, "tconv"), (["kernel_size", "antiring"], True, "tconv"),
        (["seed"], True, "tconv"), (["order"], True, "network"), ([], False, "tconv"),
    ],
)  # fmt: skip
def test_a_method_that_is_not_named(settings: list[str], is_picture: bool, name: str) -> None:
    """It is the network; settings of tconv alone, masks and feature maps ask for tconv."""
    assert default_name(settings, is_picture) == name
    assert name in [method.name for method in METHODS]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_parameter_has_help_and_limits(method: type[Method]) -> None:
    """Each parameter says in 54 characters what it does, and what it can be."""
    assert 0 < len(method.summary) <= 54
    for item in method.parameters():
        assert 0 < len(item.help) <= 54
        assert item.kind in (int, float, str, bool)
        assert item.values
        assert "None" not in item.values


@pytest.mark.parametrize(
    ("name", "settings", "fault"),
    [
        ("splin", {}, "no method 'splin'; did you mean 'spline'?"),
        ("qqq", {}, "no method 'qqq'; choose nearest, bilinear, bicubic, lanczos, spline, tconv,"),
        ("spline", {"kernel": "box"}, "--kernel is for tconv and resize-conv, not for spline; "),
        ("bicubic", {"order": 3}, "--order is for spline, not for bicubic; "),
        ("tconv", {"size": (80, 70)}, "no method takes size=; give scale= or what "),
        ("tconv", {"kernel": "q"}, "no kernel 'q'; choose learned, learned-sharp, learned-soft, "),
        ("tconv", {"kernel": "q.txt"}, ", gaussian, random or a .npz or .npy file"),
        ("resize-conv", {"kernel": "q.txt"}, ", gaussian, sharpen or a .npz or .npy file"),
        ("resize-conv", {"resize": "q"}, "invalid --resize 'q'; choose nearest, bilinear"),
        ("bicubic", {"backend": "scipy"}, "--backend is for nearest, bilinear and spline, not"),
        ("spline", {"backend": "numpy"}, "invalid --backend 'numpy'; choose fast, scipy"),
        ("spline", {"order": -1}, "--order -1 is out of range; give 0 to 5"),
        ("spline", {"order": 6}, "--order 6 is out of range; give 0 to 5"),
        ("spline", {"order": "3"}, "--order 3 is out of range; give 0 to 5"),
        ("tconv", {"kernel": np.ones((4, 4))}, "--kernel is of type ndarray; give a name"),
        (
            "tconv",
            {"kernel": Kernel("k", np.ones((4, 4)), 2)},
            "--kernel is of type Kernel; give a name, a number or the path of a file, such as "
            "taps saved as .npy",
        ),
        ("onnx", {"model": np.ones((4, 4))}, "--model is of type ndarray; give a name"),
    ],
)
def test_what_cannot_be_built_is_told(name: str, settings: dict[str, object], fault: str) -> None:
    """An unknown method or setting is refused, with the near word or the owners named."""
    with pytest.raises(SettingError) as caught:
        build(name, **settings)
    assert fault in str(caught.value)
