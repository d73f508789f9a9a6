from pathlib import Path
from struct import pack

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms
from textures import texture_samples

from upsample_cli.images.levels import to_linear
from upsample_cli.images.metadata.metadata import Metadata
from upsample_cli.images.places.place import parse
from upsample_cli.images.transfer_curve import notes_on_linear
from upsample_cli.jobs.enlarge.picture import upsample
from upsample_cli.jobs.enlarge.task import TargetSize, Task
from upsample_cli.methods.catalogue import build

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(curve: bytes, tag: bytes = b"rTRC") -> bytes:
    """Return a profile that has a curve and nothing else."""
    return bytes(128) + pack(">L4sLL", 1, tag, 144, len(curve)) + curve


def table(light: np.ndarray) -> bytes:
    return pack(">4s4xL", b"curv", len(light)) + (light * 65535).round().astype(">u2").tobytes()


def formula(form: int, *numbers: float) -> bytes:
    return pack(f">4s4xHH{len(numbers)}l", b"para", form, 0, *(round(n * 65536) for n in numbers))


AXIS = np.linspace(0, 1, 1024, dtype=np.float32)
PARTS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


@pytest.mark.parametrize(
    "icc",
    [
        SRGB,
        profile(table(to_linear(AXIS))),
        profile(table(to_linear(AXIS)), b"kTRC"),
        profile(formula(3, *PARTS)),
        profile(formula(4, *PARTS, 0, 0)),
        profile(formula(2, *PARTS[:3], 0)),
        profile(formula(1, *PARTS[:3])),
    ],
)
def test_srgbs_curve_is_recognised(icc: bytes) -> None:
    """However a profile states sRGB's curve, there is no note."""
    assert notes_on_linear(Metadata(icc=icc)) == ()


@pytest.mark.parametrize(
    "icc",
    [
        profile(pack(">4s4xLH", b"curv", 1, 563)),  # gamma 2.2 of Adobe RGB
        profile(pack(">4s4xL", b"curv", 0)),
        profile(table(AXIS**2.2)),
        profile(formula(0, 1.8)),
        profile(formula(9, 1.8)),
        profile(formula(4, *PARTS, 0.1, 0)),
        profile(b"abcd" + bytes(8)),
        profile(b"")[:140],
        profile(table(to_linear(AXIS)))[:200],
        b"profile",
    ],
)
def test_another_curve_is_noted(icc: bytes) -> None:
    """A profile with another or an unreadable curve gives a note."""
    note = "--linear takes sRGB's curve, not that of its profile"
    assert notes_on_linear(Metadata(icc=icc)) == (note,)


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        (Metadata(), None),
        (Metadata(gamma=0.45455), None),
        (Metadata(gamma=1.0), "gamma"),
        (Metadata(gamma=1.0, srgb=0), None),
        (Metadata(gamma=1.0, icc=SRGB), None),
        (Metadata(icc=SRGB, colours=((b"cICP", b"\x09\x10\0\1"),)), "cICP"),
        (Metadata(icc=b"profile", colours=((b"cICP", b"\x0c\x0d\0\1"),)), None),
    ],
)
def test_the_first_declaration_counts(metadata: Metadata, word: str | None) -> None:
    """The first of cICP, profile, sRGB and gamma counts, as PNG specifies."""
    note = f"--linear takes sRGB's curve, not that of its {word}"
    assert notes_on_linear(metadata) == (() if word is None else (note,))


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("linear", [True, False])
def test_the_note_comes_with_linear_only(tmp_path: Path, frames: int, linear: bool) -> None:
    """Only --linear gives the note, for still pictures and animations."""
    pictures = [PIL.Image.fromarray(texture_samples(8, 9, 3) // n) for n in range(1, frames + 1)]
    pictures[0].save(
        tmp_path / "in.png", save_all=True, append_images=pictures[1:], icc_profile=b"profile"
    )
    task = Task(build("nearest"), TargetSize(scale=2.0), linear=linear)
    report = upsample(parse(tmp_path / "in.png"), parse(tmp_path / "out.png"), task)
    assert len(report.notes) == linear
