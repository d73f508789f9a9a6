"""Through real processes: pipes, broken ones too, and exit codes."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import faults
import PIL.Image
import programs
import pytest
from terminal import Outcome, check_refused, contents, imported, shell
from textures import levels

from upsample_cli.commands import app

HANGUP = getattr(signal, "SIGHUP", signal.SIGTERM)  # of POSIX


def test_a_pipe_carries_the_files_bytes(folder: Path) -> None:
    """Standard input to standard output gives the bytes that the file gets; words go to stderr."""
    to_file = shell("in.png", "out.png", folder=folder)
    piped = shell("-", "-", stdin=(folder / "in.png").read_bytes(), folder=folder)
    assert (to_file.code, piped.code) == (0, 0)
    assert piped.out == (folder / "out.png").read_bytes()
    assert to_file.err == ""
    assert to_file.out.startswith(b"out.png  48x40  ")
    assert piped.err.startswith("-  48x40  ")
    assert piped.err.count("\n") == 1


def test_the_systems_name_of_standard_output_is_a_dash(folder: Path) -> None:
    """No report follows the picture there, and no --force replaces the name itself."""
    dash, named = (shell("in.png", name, folder=folder) for name in ("-", "/dev/stdout"))
    assert (named.code, named.out) == (0, dash.out)
    assert named.err.startswith("-  48x40  ")


def test_pipes_chain(folder: Path) -> None:
    """One command's output is the next one's input."""
    with PIL.Image.open(io.BytesIO(_chained(folder))) as opened:
        assert opened.size == (24 * 6, 20 * 6)
        assert opened.format == "PNG"


def _chained(folder: Path) -> bytes:
    first = [sys.executable, "-m", "upsample_cli", "in.png", "-", "-q"]
    second = [sys.executable, "-m", "upsample_cli", "-", "-", "-s", "3", "-q"]
    with subprocess.Popen(first, cwd=folder, stdout=subprocess.PIPE) as one:
        return subprocess.run(second, stdin=one.stdout, capture_output=True, check=True).stdout


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_ends_quietly(tmp_path: Path, format: str, unbuffered: str) -> None:
    """Where the reader goes away, as `head` does, there is no word, and no claim of success."""
    PIL.Image.fromarray(levels(300, 300, 3)).save(tmp_path / "in.png")
    command = [sys.executable, "-W", "error", "-m", "upsample_cli", "in.png", "-", "-s", "4", "-q",
               "--format", format]  # fmt: skip
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert len(process.stdout.read(10)) == 10
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == app.BROKEN_PIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has one")
@pytest.mark.parametrize(
    "words", ["in.png -", "in.png out.png", "measure in.png", "methods", "--help"]
)
def test_a_full_disk_behind_standard_output_is_told(folder: Path, words: str) -> None:
    """A result that cannot be written is an error in one line, not a traceback."""
    command = [sys.executable, "-m", "upsample_cli", *words.split()]
    with Path("/dev/full").open("wb") as full:
        made = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, check=False)
    fault = "cannot write standard output: No space left on device; write to a file"
    check_refused(Outcome(made.returncode, b"", made.stderr.decode()), 1, fault)


@pytest.mark.parametrize(("words", "closed"), [("in.png -", ">&-"), ("- out.png", "<&-")])
def test_a_closed_stream_is_told(folder: Path, words: str, closed: str) -> None:
    """A standard stream that is not open at all is an error in one line."""
    command = [sys.executable, "-m", "upsample_cli", *words.split()]
    script = ["sh", "-c", f'"$@" {closed}', "sh", *command]
    made = subprocess.run(script, cwd=folder, capture_output=True, check=False)
    assert made.returncode in (1, 2)
    check_refused(Outcome(made.returncode, made.stdout, made.stderr.decode()), made.returncode, ";")


@pytest.mark.parametrize(
    "words", ["in out", "in new --dry-run", "measure in/\u7167.png", "measure in/\u7167.png --csv"]
)
def test_a_name_that_the_encoding_lacks_is_escaped(folder: Path, words: str) -> None:
    """Where results go in Latin-1, as on Windows, other letters end no run."""
    (folder / "in").mkdir()
    (folder / "in.png").rename(folder / "in" / "\u7167.png")
    made = subprocess.run(
        [sys.executable, "-m", "upsample_cli", *words.split()], cwd=folder, capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"}, check=False,
    )  # fmt: skip
    assert (made.returncode, b"Traceback" in made.stderr) == (0, False)
    assert rb"in/\u7167.png" in made.stdout.replace(b"out/", b"in/")


@pytest.mark.parametrize("words", ["in.png out.png", "in.png many/", "measure in.png"])
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_nobody_has_to_listen(folder: Path, words: str, closed: str) -> None:
    """Work is done where standard error, or every standard stream, is not open at all."""
    command = [sys.executable, "-m", "upsample_cli", *words.split()]
    script = ["sh", "-c", f'"$@" {closed}', "sh", *command]
    assert subprocess.run(script, cwd=folder, check=False).returncode == 0
    if "out" in words:
        with PIL.Image.open(folder / "out.png") as made:
            made.load()


def test_a_closed_pipe_ends_a_list_quietly(folder: Path) -> None:
    """So it does where text is written."""
    command = [sys.executable, "-W", "error", "-m", "upsample_cli", "measure", *["in.png"] * 9]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (HANGUP, 129)]
)
def test_an_interrupted_command_leaves_nothing(
    tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    """A signal in the middle of the work leaves no target and no part of it."""
    PIL.Image.fromarray(levels(900, 900, 3)).save(tmp_path / "in.png")
    before = contents(tmp_path)
    command = [sys.executable, "-m", "upsample_cli", "in.png", "out.png", "-s", "16", "-j", "1",
               "--compression", "9"]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and len(list(tmp_path.iterdir())) == 1:
            pass  # until the temporary is there
        process.send_signal(sent)
        out, err = process.communicate()
    assert process.returncode == code
    assert b"Traceback" not in err
    assert out == b""
    assert contents(tmp_path) == before


@pytest.mark.parametrize("words", ["in.png out.png", "many many-out/"])
def test_nohup_is_obeyed(tmp_path: Path, words: str) -> None:
    """A command that is started to outlive its terminal goes on when that is closed."""
    (tmp_path / "many").mkdir()
    for name in ("in.png", "many/in.png"):
        PIL.Image.fromarray(levels(200, 200, 3)).save(tmp_path / name)
    command = [sys.executable, "-m", "upsample_cli", *words.split(), "-s", "8", "-j", "1",
               "--compression", "9"]  # fmt: skip
    script = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command]
    with subprocess.Popen(script, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        faults.until(lambda: list(tmp_path.rglob("*.part")))
        process.send_signal(HANGUP)
        for each in faults.workers(process):
            os.kill(each, HANGUP)
    assert process.returncode == 0
    assert len(list(tmp_path.glob("*out*"))) == 1


def test_a_closed_terminal_ends_a_folder(tmp_path: Path) -> None:
    """Where the terminal of a run goes away, so that nothing can be told, nothing half is left."""
    pty = pytest.importorskip("pty")
    (tmp_path / "many").mkdir()
    for place in range(4):
        PIL.Image.fromarray(levels(250, 250, 3)).save(tmp_path / "many" / f"{place}.png")
    ours, theirs = pty.openpty()
    command = programs.command(
        "own_terminal", sys.executable, "-m", "upsample_cli", "many", "out", "-s", 8, "-j", 1,
        "--compression", 9,
    )  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        faults.until(lambda: list(tmp_path.rglob("*.part")))
        os.close(ours)
        assert process.wait(faults.PATIENCE) in (1, 129)  # told by the signal or by a failed write
    assert list((tmp_path / "out").glob(".*")) == []
    assert len(list((tmp_path / "out").glob("*.png"))) < 4


@pytest.mark.parametrize(("sent", "fault"), [(b"", "empty"), (b"GIF no", "no picture")])
def test_a_pipe_without_a_picture_is_told(folder: Path, sent: bytes, fault: str) -> None:
    """Nothing, or no picture, on standard input is an error, with no byte on standard output."""
    check_refused(shell("-", "-", stdin=sent, folder=folder), 1, fault)


def test_errors_of_a_process_are_one_line(folder: Path) -> None:
    """A missing file ends with exit code 1 and a wrong option with 2, each in one line."""
    check_refused(shell("no.png", "out.png", folder=folder), 1, "no file no.png")
    check_refused(shell("in.png", "out.png", "-m", "splin", folder=folder), 2, "'spline'")
    check_refused(shell("in.png", folder=folder), 2, "OUTPUT")


def test_json_of_a_pipe_is_on_stderr(folder: Path) -> None:
    """With the picture on standard output, the report is on the other side, one line."""
    outcome = shell("in.png", "-", "--json", folder=folder)
    assert json.loads(outcome.err)["output"] == "-"
    assert outcome.out.startswith(b"\x89PNG")


@pytest.mark.parametrize("arguments", [["--help"], ["measure", "--help"], ["methods", "--help"]])
def test_help_waits_for_no_library(arguments: list[str]) -> None:
    """`--help` imports neither NumPy nor SciPy, Pillow, tqdm or a process pool."""
    heavy = {"numpy", "scipy", "PIL", "tqdm", "isal", "concurrent.futures", "multiprocessing"}
    assert heavy & imported(*arguments) == set()


def test_the_main_job_waits_for_no_library_that_it_does_without(folder: Path) -> None:
    """A PNG is enlarged into a PNG without SciPy, tqdm, processes or the ZIP library."""
    loaded = imported("in.png", "out.png", "--jobs", 2, folder=folder)
    assert {"scipy", "tqdm", "multiprocessing", "zipfile"} & loaded == set()


def test_decoders_add_no_words_of_their_own(tmp_path: Path) -> None:
    """A TIFF that claims 2048 samples a pixel gives our one line, not the decoder's too."""
    PIL.Image.fromarray(levels(20, 20, 3)).save(tmp_path / "in.tif")
    data = (tmp_path / "in.tif").read_bytes()
    samples_per_pixel = struct.pack("<HHI", 277, 3, 1)
    assert data.count(samples_per_pixel) == 1
    place = data.index(samples_per_pixel) + len(samples_per_pixel)
    (tmp_path / "in.tif").write_bytes(data[:place] + struct.pack("<H", 2048) + data[place + 2 :])
    command = [sys.executable, "-m", "upsample_cli", "in.tif", "out.png"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    check_refused(Outcome(made.returncode, made.stdout, made.stderr.decode()), 1, "in.tif")
