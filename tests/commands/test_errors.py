"""Errors: one line, the right exit code, and nothing left behind."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from terminal import Outcome, check_refused, contents
from textures import texture_samples, write_truncated

from upsample_cli import memory, process
from upsample_cli.jobs.enlarge import still

PICTURE, USAGE = 1, 2


@pytest.mark.skipif(os.name == "nt", reason="has no such names")
@pytest.mark.parametrize("arguments", [["{}", "out{}"], ["many", "out"], ["measure", "{}"],
                                   ["{}", "o{}", "--dry-run"], ["many", "o", "--dry-run"]]
)  # fmt: skip
def test_control_characters_in_names_are_escaped(
    call: Callable[..., Outcome], folder: Path, arguments: list[str]
) -> None:
    """Messages escape control characters in file names; --json keeps the exact names."""
    name = "red\x1b[31m\nline\x9b.png"
    (folder / "many").mkdir()
    for parent in (folder, folder / "many"):
        PIL.Image.fromarray(texture_samples(9, 9, 3)).save(parent / name)
        (parent / "no\x1b.txt").touch()
    outcome = call(*(argument.replace("{}", name) for argument in arguments))
    lines = outcome.out.decode() + outcome.err
    assert "red\\x1b[31m\\nline\\x9b.png" in lines
    assert not {"\x1b", "\x9b"} & {*lines}
    outcome = call("measure", name, "--json")
    assert json.loads(outcome.out)["input"] == name


@pytest.mark.parametrize("name", ["--force.jpg", "-rf.jpg", "-f.jpg"])
def test_a_file_named_like_an_option_is_recognized(
    call: Callable[..., Outcome], folder: Path, name: str
) -> None:
    """The error says how to name it; so written, it is enlarged. Another option has its own."""
    PIL.Image.fromarray(texture_samples(9, 9, 3)).save(folder / name)
    check_refused(call(name, "o.jpg"), USAGE, f"'; for the file, write ./{name}\n")
    check_refused(call("--colour", "--", name, "o.jpg"), USAGE, "no option '--colour'; did you")
    assert call(f"./{name}", "o.jpg").code == 0


def test_a_wrong_memory_budget_is_no_damage(
    call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in UPSAMPLE_MAX_MEMORY is an error of usage; the picture is not called damaged."""
    monkeypatch.setenv(memory.VARIABLE, "lots")
    memory.limit_to(None)
    fault = "Error: invalid UPSAMPLE_MAX_MEMORY 'lots'; use a size such as 512MB or 4GB\n"
    check_refused(call("in.png", "out.png"), USAGE, fault)


def test_an_unexpected_system_error_is_reported(
    call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error of the system is reported with the system's own reason."""

    def fail(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(process, "cores", fail)
    check_refused(call("in.png", "out.png"), PICTURE, "the system reports: [Errno 24] Too many")


def test_an_unexpected_end_of_data_is_a_bug(
    call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An `EOFError` is no interruption: nobody is asked anything that could be left unanswered."""

    def fail(*_: object) -> int:
        raise EOFError("marshal data too short")

    monkeypatch.setattr(process, "cores", fail)
    with pytest.raises(EOFError, match="marshal data too short"):
        call("in.png", "out.png")


def test_running_out_of_memory_is_reported(
    call: Callable[..., Outcome], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that needs too much memory gives one line of error and leaves no file."""

    def fail(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 6.00 MiB for an array")

    monkeypatch.setattr(still, "enlarge_and_write", fail)
    before = contents(folder)
    check_refused(call("in.png", "out.png"), PICTURE, "out of memory; free some, or ")
    assert contents(folder) == before


def write_png_with_a_wrong_byte(folder: Path) -> None:
    """Write bad.png, a PNG with one wrong byte in its pixels."""
    path = folder / "bad.png"
    PIL.Image.fromarray(texture_samples(64, 64, 3)).save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("write_input", "name", "fault"),
    [
        (lambda folder: None, "no.png", "no file no.png"),
        (lambda folder: write_truncated(folder, "cut.png"), "cut.png", "cut.png is damaged"),
        (lambda folder: write_truncated(folder, "cut.jpg"), "cut.jpg", "cut.jpg is damaged"),
        (lambda folder: write_truncated(folder, "cut.webp"), "cut.webp", "cut.webp is"),
        (lambda folder: write_truncated(folder, "cut.tiff"), "cut.tiff", "cut.tiff is"),
        (write_png_with_a_wrong_byte, "bad.png", "bad.png is damaged"),
        (lambda folder: (folder / "a.png").write_text("text"), "a.png", "a.png is not a supported"),
        (lambda folder: (folder / "a.png").write_bytes(b""), "a.png", "a.png is not a supported"),
        (
            lambda folder: (folder / "a.heic").write_bytes(b"\0\0\0\x1cftypheic"),
            "a.heic",
            "a.heic is",  # HEIF, which needs a library, or broken
        ),
        (lambda folder: None, "a" * 300 + ".png", "a.png"),
        (lambda folder: None, "caf\xe9.png", "no file caf"),
        (lambda folder: None, "a\nb.png", "no file a b.png"),
    ],
    ids=[
        "missing",
        "png",
        "jpeg",
        "webp",
        "tiff",
        "crc",
        "text",
        "empty",
        "heic",
        "long",
        "accent",
        "line",
    ],
)
def test_unreadable_pictures_are_refused(
    call: Callable[..., Outcome],
    folder: Path,
    write_input: Callable[[Path], None],
    name: str,
    fault: str,
) -> None:
    """A missing, cut, damaged or unknown picture is reported, and nothing is written."""
    write_input(folder)
    before = contents(folder)
    check_refused(call(name, "out.png"), PICTURE, fault)
    assert contents(folder) == before


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_an_unreadable_picture_on_standard_input_is_refused(
    call: Callable[..., Outcome], folder: Path, data: bytes
) -> None:
    """Empty, unknown or damaged data on standard input is reported, and nothing is written."""
    before = contents(folder)
    check_refused(call("-", "out.png", stdin=data), PICTURE, "stand" if not data else "stdin")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (["--max-pixels", 479], PICTURE, "in.png is 24x20, more than 479 pixels"),
        (["-m", "bicubik"], USAGE, "no method 'bicubik'; did you mean 'bicubic'?"),
        (["-m", "qqq"], USAGE, "no method 'qqq'; choose nearest"),
        (["-k", "lerned"], USAGE, "no kernel 'lerned'; did you mean 'learned"),
        (["-m", "resize-conv", "-k", "bux"], USAGE, "did you mean 'box'?"),
        (["-m", "spline", "-k", "box"], USAGE, "--kernel is for tconv and resize-conv"),
        (["-k", "no.npz"], USAGE, "no kernel file no.npz"),
        (["-s", 0.5], USAGE, "--scale 0.5 would shrink"),
        (["-s", 0], USAGE, "--scale 0 would shrink"),
        (["-s", -2], USAGE, "--scale -2 would shrink"),
        (["-s", "nan"], USAGE, "invalid --scale 'nan'; give a number"),
        (["-s", "inf"], USAGE, "--scale inf"),
        (["-s", 65], USAGE, "--scale 65 is too large"),
        (["-s", "two"], USAGE, "invalid --scale 'two'; give a number"),
        (["-s", 2, "--size", "48x40"], USAGE, "--scale and --size cannot be used together"),
        (["--size", "12x10"], USAGE, "smaller than the input"),
        (["--size", "big"], USAGE, "invalid --size 'big'"),
        (["--boundary", "wrap"], USAGE, "wrap"),
        (["--compression", 10], USAGE, "--compression 10 is out of range; give 0 to 9"),
        (["--jobs", 0], USAGE, "--jobs 0 is out of range; give 1 or more"),
        (["--colour"], USAGE, "--colour"),
        (["extra"], USAGE, "several inputs need a folder to write to, and extra is not one"),
        (["--report", "rows.txt"], USAGE, "--report rows.txt must end in .csv or .jsonl"),
        (["-m", "tconv", "-k", "uniform", "--kernel-size", 0], USAGE, "--kernel-size 0"),
    ],
)
def test_wrong_options_are_refused(
    call: Callable[..., Outcome], folder: Path, arguments: list[object], code: int, fault: str
) -> None:
    """A wrong option is reported with a remedy, and nothing is written."""
    before = contents(folder)
    check_refused(call("in.png", "out.png", *arguments), code, fault)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("taps", "fault"),
    [
        (np.array([[1.0, np.nan]]), "NaN"),
        (np.array([[1.0, -2e12]]), "has taps beyond 1e+12"),
        (np.ones(4), "has one axis"),
        (np.ones((1, 2, 3)), "has shape 1x2x3"),
        (np.ones((0, 0)), "has shape 0x0"),
        (np.array([["a"]]), "not numbers"),
        (np.array([[1 + 2j]]), "not numbers"),
        (np.array([[{}]], object), "is not a NumPy file of numbers"),
        (np.zeros((2, 2), "f4,f4"), "not numbers"),
    ],
)
def test_invalid_kernel_files_are_refused(
    call: Callable[..., Outcome], folder: Path, taps: np.ndarray, fault: str
) -> None:
    """A kernel file that does not hold a finite matrix of numbers is reported by its name."""
    np.save(folder / "odd.npy", taps, allow_pickle=True)
    before = contents(folder)
    check_refused(call("in.png", "out.png", "-k", "odd.npy"), USAGE, fault)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("typed", "command"), [("meazure", "measure"), ("Audit", "audit"), ("tarin", "train")]
)
def test_a_mistyped_command_is_recognised(
    call: Callable[..., Outcome], folder: Path, typed: str, command: str
) -> None:
    """A word close to a command's name gets a suggestion, unless a file has that name."""
    check_refused(call(typed, "out.png"), USAGE, f"did you mean `upsample {command}`?")
    (folder / "in.png").rename(folder / typed)
    assert call(typed, "out.png").code == 0


@pytest.mark.parametrize("name", ["odd.npz", "odd.npy"])
def test_a_text_file_is_refused_as_a_kernel(
    call: Callable[..., Outcome], folder: Path, name: str
) -> None:
    """A text file with a kernel's suffix is reported."""
    (folder / name).write_text("1 2 1\n2 4 2\n")
    check_refused(call("in.png", "out.png", "-k", name), USAGE, f"{name} is not a NumPy file")
    assert not (folder / "out.png").exists()


def test_errors_while_measuring_are_ascii_and_one_line(call: Callable[..., Outcome]) -> None:
    """An error of `measure` is one line of ASCII, whatever the file's name contains."""
    check_refused(call("measure", "caf\xe9\nb.png"), PICTURE, "no file caf")


def test_errors_in_a_folder_are_ascii_and_one_line(
    call: Callable[..., Outcome], folder: Path
) -> None:
    """An error of a folder run is one line of ASCII, whatever the file's name contains."""
    (folder / "many").mkdir()
    write_truncated(folder / "many", "caf\xe9.png")
    outcome = call("many", "out", "-q")
    check_refused(outcome, PICTURE, "is damaged")
    assert [path.name for path in (folder / "out").iterdir()] == ["checkerboard.csv"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["in.png", "out.png", "--max-ripple"],
        ["measure", "in.png", "--max-ripple"],
        ["audit", "k3.npy", "--stride", 2, "--max-ripple"],
        ["train", "in.png", "-o", "mine.npz", "--noise"],
        ["train", "in.png", "-o", "mine.npz", "--holdout"],
    ],
)
def test_nan_is_refused_as_a_limit(
    call: Callable[..., Outcome], folder: Path, arguments: list[object]
) -> None:
    """No number exceeds NaN, so a limit of NaN would let every picture pass."""
    before = contents(folder)
    check_refused(call(*arguments, "nan"), USAGE, "'nan'; give a number")
    assert contents(folder) == before
