from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from textures import texture_samples

from upsample_cli.images.places.place import parse_file
from upsample_cli.jobs.enlarge.picture import enlarge
from upsample_cli.jobs.enlarge.task import Report, TargetSize, Task
from upsample_cli.jobs.measure.skipped import measured
from upsample_cli.methods.catalogue import build
from upsample_cli.methods.interpolation import Unchanged


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "size", [TargetSize(2), TargetSize(1.37), TargetSize(width=192, height=288)]
)
def test_an_output_is_measured_as_it_was_when_it_was_made(
    tmp_path: Path, channels: int, size: TargetSize
) -> None:
    """Periods that differ down and across, scales without any, and opacity are known."""
    source, output = tmp_path / "in.png", tmp_path / "out.png"
    samples = texture_samples(96, 96, channels)
    PIL.Image.fromarray(samples[..., 0] if channels == 1 else samples).save(source)
    task = Task(build("tconv", kernel="uniform", kernel_size=3), size)
    report = enlarge(parse_file(str(source)), parse_file(str(output)), task)
    again = measured(Report(str(source), str(output), "skipped"), task)
    board, first = again.checkerboard, report.checkerboard
    assert board is not None
    assert first is not None
    assert (board.stride, *board[-2:]) == (first.stride, *first[-2:])
    assert board[1:-2] == pytest.approx(first[1:-2], nan_ok=True, rel=1e-3)
    assert again.kernel_ripple == report.kernel_ripple


def test_of_an_animation_the_worst_frame_counts(tmp_path: Path) -> None:
    """A frame with a checkerboard counts, not the flat one before it."""
    source, output = tmp_path / "in.png", tmp_path / "out.png"
    frames = [
        PIL.Image.new("RGB", (96, 96), "grey"),
        PIL.Image.fromarray(texture_samples(96, 96, 3)),
    ]
    frames[0].save(source, save_all=True, append_images=frames[1:])
    task = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(2))
    report = enlarge(parse_file(str(source)), parse_file(str(output)), task)
    again = measured(Report(str(source), str(output), "skipped"), task).checkerboard
    assert again is not None
    assert report.checkerboard is not None
    assert again.verdict == report.checkerboard.verdict == "checkerboard"
    assert again.ripple == pytest.approx(report.checkerboard.ripple, rel=1e-3)


def test_what_was_repaired_is_measured_at_all_strides(tmp_path: Path) -> None:
    """A repair has no scale, so no period of its own."""
    source, output = tmp_path / "in.png", tmp_path / "out.png"
    PIL.Image.fromarray(texture_samples(96, 96, 3)).save(source)
    uneven = Task(build("tconv", kernel="uniform", kernel_size=3), TargetSize(2))
    enlarge(parse_file(str(source)), parse_file(str(output)), uneven)
    found = measured(Report(str(output), str(output), "skipped"), Task(Unchanged(), TargetSize(1)))
    assert found.checkerboard is not None
    assert found.checkerboard.stride == (2, 2)


def test_an_output_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    """The report says why, as that on a picture that fails."""
    PIL.Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "in.png")
    (tmp_path / "out.png").write_bytes(b"no picture")
    report = Report(str(tmp_path / "in.png"), str(tmp_path / "out.png"), "skipped")
    failed = measured(report, Task(build("bicubic"), TargetSize(2)))
    assert failed.status == "failed"
    assert "out.png" in str(failed.error)
