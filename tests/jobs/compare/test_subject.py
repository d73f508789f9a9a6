from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from upsample_cli.errors import SettingError
from upsample_cli.images.places.place import Place, parse_file
from upsample_cli.jobs.compare.subject import (
    Box,
    Options,
    default_methods,
    methods_of,
    read_subject,
    rendered,
)
from upsample_cli.methods.catalogue import METHODS, build


@pytest.fixture
def photo(tmp_path: Path) -> Place:
    """Return a picture of 91 x 61 pixels."""
    samples = np.random.default_rng(0).integers(0, 256, (61, 91, 3), np.uint8)
    PIL.Image.fromarray(samples).save(tmp_path / "photo.png")
    return parse_file(tmp_path / "photo.png")


def test_a_shrunk_picture_is_its_own_truth(photo: Place) -> None:
    """The truth is the picture without what no whole small pixel covers; the small one is even."""
    subject = read_subject(photo, Options(scale=3, shrink=True))
    assert subject.image.size == (20, 30)
    assert subject.truth is not None
    assert subject.size == subject.truth.size == (60, 90)
    expected = np.asarray(PIL.Image.open(photo.path).crop((0, 0, 90, 60)).resize(
        (30, 20), PIL.Image.Resampling.BICUBIC)).astype(int)  # fmt: skip
    inner = slice(3, -3), slice(3, -3)  # Pillow extends no picture beyond its edges
    assert np.abs(subject.image.samples - expected)[inner].max() <= 1


@pytest.mark.parametrize("scale", [1.5, 2.7, 64.0])
def test_a_picture_shrinks_by_any_scale(photo: Place, scale: float) -> None:
    """The outputs are as large as the truth and no larger than the picture."""
    subject = read_subject(photo, Options(scale=scale, shrink=True))
    assert subject.truth is not None
    assert subject.size == subject.truth.size <= (61, 91)
    assert min(subject.image.size) >= 1


def test_a_reference_sets_the_size(photo: Place, tmp_path: Path) -> None:
    """Without a scale, outputs have the size of the reference."""
    PIL.Image.new("RGB", (182, 122)).save(tmp_path / "large.png")
    subject = read_subject(photo, Options(reference=parse_file(tmp_path / "large.png")))
    assert (subject.size, subject.scale) == ((122, 182), 2)


@pytest.mark.parametrize(("size", "scale"), [((90, 122), None), ((182, 122), 3.0)])
def test_another_reference_is_refused(
    photo: Place, tmp_path: Path, size: tuple[int, int], scale: float | None
) -> None:
    """A reference that is smaller, or of another size than asked for, is none."""
    PIL.Image.new("RGB", size).save(tmp_path / "large.png")
    with pytest.raises(SettingError, match=r"which is not .* enlarged; give"):
        read_subject(photo, Options(scale=scale, reference=parse_file(tmp_path / "large.png")))


@pytest.mark.parametrize("name", ["bicubic", "tconv", "network"])
def test_a_part_is_cut_from_the_whole(photo: Place, name: str) -> None:
    """A part that is computed alone is, but for rounding, that of the whole output."""
    subject, box = read_subject(photo, Options(scale=2.5)), Box(31, 17, 70, 50)
    all_of_it = rendered(subject.renderer(build(name)))
    part = subject.part(build(name), box)
    assert part.shape == (50, 70, 3)
    assert np.abs(part.astype(int) - box.cut(all_of_it)).max() <= (name == "network")


def test_a_crop_is_in_pixels_of_the_picture(photo: Place) -> None:
    """It grows with the picture; of a shrunk one, whose outputs are as large as it, it does not."""
    crop = Box(10, 20, 30, 40)
    assert read_subject(photo, Options(scale=2, crop=crop)).box == (20, 40, 60, 80)
    assert read_subject(photo, Options(scale=2, crop=crop, shrink=True)).box == (10, 20, 30, 40)
    edge = read_subject(photo, Options(scale=2, crop=Box(80, 50, 50, 50))).box
    assert edge == (160, 100, 22, 22)
    with pytest.raises(
        SettingError, match="--crop 91,0,5,5 lies outside the picture; give another"
    ):
        read_subject(photo, Options(crop=Box(91, 0, 5, 5)))


@pytest.mark.parametrize("mode", ["P", "1"])
def test_a_palette_is_compared_in_its_colours(tmp_path: Path, mode: str) -> None:
    """Indices are no levels: every method gets colours, and each keeps a flat picture's."""
    picture = PIL.Image.new("RGB", (40, 30), "white" if mode == "1" else (204, 51, 0))
    picture.convert(mode).save(tmp_path / "flat.png")
    subject = read_subject(parse_file(tmp_path / "flat.png"), Options())
    for name in ("nearest", "bicubic"):
        samples = subject.part(build(name), Box(0, 0, 80, 60))
        shown = np.asarray(PIL.Image.fromarray(samples.squeeze()).convert("RGB"))
        assert (shown == np.asarray(picture)[0, 0]).all()


@pytest.mark.parametrize(
    ("word", "label", "method"),
    [
        ("tconv", "tconv learned", build("tconv")),
        ("spline:order=2", "spline 2", build("spline", order=2)),
        ("lanczos:antiring=0.5", "lanczos antiring 0.5", build("lanczos", antiring=0.5)),
        ("tconv:kernel=uniform:kernel-size=3", "tconv uniform 3",
         build("tconv", kernel="uniform", kernel_size=3)),
        ("tconv:kernel=C:\\some\\mine.npz", None,
         build("tconv", kernel="C:\\some\\mine.npz")),
        ("onnx:model=nets/a.onnx:model-range=255:ensemble=yes", "onnx a.onnx 255 ensemble",
         build("onnx", model="nets/a.onnx", model_range="255", ensemble=True)),
        ("onnx:model=m2/a,b:c.onnx:ensemble=yes", "onnx a,b:c.onnx ensemble",
         build("onnx", model="m2/a,b:c.onnx", ensemble=True)),
        ("tconv:kernel=my, pictures/a,2.npz", "tconv a,2.npz",
         build("tconv", kernel="my, pictures/a,2.npz")),
        ("network:weights=clean", "network clean", build("network", weights="clean")),
    ],
)  # fmt: skip
def test_a_word_names_a_method_with_its_settings(word: str, label: str, method: object) -> None:
    """Settings follow colons; numbers are read as such; colons and commas of a file are none."""
    (named,) = methods_of(word)
    assert named.method == method
    assert methods_of(f"{word},bilinear , spline:order=4")[0].method == method
    assert named.label == label or label is None


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    """Two kernels of the same name have labels with their paths; others keep short ones."""
    words = []
    for run in ("run1", "run2"):
        (tmp_path / run).mkdir()
        np.save(tmp_path / run / "best.npy", np.ones((2, 2)))
        words.append(f"tconv:kernel={tmp_path / run / 'best.npy'}")
    labels = [one.label for one in methods_of(",".join([*words, "tconv"]))]
    assert labels == [*(f"tconv {tmp_path / run / 'best.npy'}" for run in ("run1", "run2")),
                      "tconv learned"]  # fmt: skip
    assert methods_of(words[0])[0].label == "tconv best.npy"


def test_every_method_can_be_named() -> None:
    """The names are those of the catalogue, in the order of the list."""
    names = [method.name for method in METHODS]
    words = [f"{name}:model=a.onnx" if name == "onnx" else name for name in names]
    assert [one.method.name for one in methods_of(" , ".join(words))] == names


@pytest.mark.parametrize(("scale", "size"), [(2, 3), (3, 4), (2.5, 4)])
def test_by_default_one_method_makes_a_checkerboard_at_any_scale(scale: float, size: int) -> None:
    """The uniform kernel has one tap more than the stride, so no whole number of them."""
    labels = [one.label for one in default_methods(scale)]
    assert f"tconv uniform {size}" in labels
    assert len(labels) == len(set(labels)) == 8


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("bicubc", "did you mean 'bicubic'"),
        ("nearest,bicubc,tconv", "no method 'bicubc'; did you mean 'bicubic'"),
        ("", "names no method"),
        ("nearest,nearest", "names nearest twice"),
        ("tconv,tconv:kernel=learned", "names tconv learned twice"),
        ("tconv:kernel_size=x", "invalid kernel_size=x; give a number"),
        ("bicubic:order=2", "bicubic has no setting 'order'; choose antiring"),
        ("onnx:model=a.onnx:ensemble=2", "invalid ensemble=2; give ensemble=yes"),
        ("onnx", "needs a network; pass model=FILE.onnx"),
        ("spline:order=9", "order=9 is out of range; give 0 to 5"),
        ("tconv:colour=2", "tconv has no setting 'colour'; choose kernel, kernel_size, seed, anti"),
        ("tconv:kernal=a", "tconv has no setting 'kernal'; did you mean 'kernel'?"),
        ("bicubic:scale=3", "bicubic has no setting 'scale'; choose antiring"),
        ("onnx:model=a.png", "model=a.png is not a .onnx file; name such a file"),
        ("tconv:kernel=learned:kernel-size=3", "kernel_size is for uniform, random, gaussian, not"),
        ("tconv:seed=3", "seed is for kernel=random, not learned; leave it out"),
        ("resize-conv:resize=bilinear", "learned with resize=nearest, not bilinear; choose box"),
        ("resize-conv:kernel=box:kernel_size=4", "kernel_size=4 is even, which moves the picture"),
        ("resize-conv:resize=cubic", "invalid resize='cubic'; choose nearest, bilinear"),
        ("tconv:kernel=uniform:antiring=1", "antiring is for kernels with negative taps; leave it"),
    ],
)
def test_what_is_no_list_is_refused(text: str, fault: str) -> None:
    """The fault is named, with what may be meant."""
    with pytest.raises(SettingError) as caught:
        methods_of(text)
    assert fault in str(caught.value)
    assert not str(caught.value).startswith("-m ")
    assert "--" not in str(caught.value).removeprefix("--methods ")


def test_a_method_that_does_not_suit_the_picture_is_refused(photo: Place, tmp_path: Path) -> None:
    """What is seen only once a picture is enlarged is named as in the list, too."""
    np.save(tmp_path / "even.npy", np.ones((2, 2)))
    (named,) = methods_of(f"tconv:kernel={tmp_path / 'even.npy'}:antiring=1")
    subject = read_subject(photo, Options())
    with pytest.raises(SettingError, match="has no negative taps; leave antiring out"):
        subject.renderer(named.method)
