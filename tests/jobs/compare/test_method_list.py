import pytest

from upsample_cli.errors import SettingError
from upsample_cli.jobs.compare.method_list import by_default, parsed
from upsample_cli.methods.catalogue import METHODS, build


@pytest.mark.parametrize(
    ("word", "label", "method"),
    [
        ("tconv", "tconv learned", build("tconv")),
        ("spline:order=2", "spline 2", build("spline", order=2)),
        ("lanczos:antiring=0.5", "lanczos 0.5", build("lanczos", antiring=0.5)),
        ("tconv:kernel=uniform:kernel-size=3", "tconv uniform 3",
         build("tconv", kernel="uniform", kernel_size=3)),
        ("tconv:kernel=C:\\some\\mine.npz", None,
         build("tconv", kernel="C:\\some\\mine.npz")),
        ("onnx:model=nets/a.onnx:model-range=255:ensemble=yes", "onnx a.onnx 255 ensemble",
         build("onnx", model="nets/a.onnx", model_range="255", ensemble=True)),
        ("network:weights=clean", "network clean", build("network", weights="clean")),
    ],
)  # fmt: skip
def test_a_word_names_a_method_with_its_settings(word: str, label: str, method: object) -> None:
    """Settings follow colons; numbers are read as such, and the colon of a drive is none."""
    (named,) = parsed(word)
    assert named.method == method
    assert named.label == label or label is None


def test_every_method_can_be_named() -> None:
    """The names are those of the catalogue, in the order of the list."""
    names = [method.name for method in METHODS]
    words = [f"{name}:model=a.onnx" if name == "onnx" else name for name in names]
    assert [one.method.name for one in parsed(" , ".join(words))] == names


@pytest.mark.parametrize(("scale", "size"), [(2, 3), (3, 4), (2.5, 4)])
def test_by_default_one_method_makes_a_checkerboard_at_any_scale(scale: float, size: int) -> None:
    """The uniform kernel has one tap more than the stride, so no whole number of them."""
    labels = [one.label for one in by_default(scale)]
    assert f"tconv uniform {size}" in labels
    assert len(labels) == len(set(labels)) == 8


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("bicubc", "did you mean 'bicubic'"),
        ("", "names no method"),
        ("nearest,nearest", "names nearest twice"),
        ("tconv,tconv:kernel=learned", "names tconv learned twice"),
        ("tconv:kernel_size=x", "kernel_size=x is no number; give one"),
        ("bicubic:order=2", "--order is for spline"),
        ("onnx:model=a.onnx:ensemble=2", "ensemble=2 is neither; give ensemble=yes"),
        ("onnx", "needs a network"),
        ("tconv:colour=2", "no method has --colour"),
    ],
)
def test_what_is_no_list_is_refused(text: str, fault: str) -> None:
    """The fault is named, with what may be meant."""
    with pytest.raises(SettingError) as caught:
        parsed(text)
    assert fault in str(caught.value)
