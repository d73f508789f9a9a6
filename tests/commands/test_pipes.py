"""Pipes, closed streams and exit codes, tested with real processes."""

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
from terminal import Outcome, check_refused, contents, imported_modules, run_process
from textures import texture_samples

from upsample_cli.commands import app, exit_codes

HANGUP = getattr(signal, "SIGHUP", signal.SIGTERM)  # of POSIX


def test_a_pipe_gets_the_bytes_of_the_file(folder: Path) -> None:
    """Standard output gets the same bytes as a file, and the report goes to standard error."""
    to_file = run_process("in.png", "out.png", folder=folder)
    piped = run_process("-", "-", stdin=(folder / "in.png").read_bytes(), folder=folder)
    assert (to_file.code, piped.code) == (0, 0)
    assert piped.out == (folder / "out.png").read_bytes()
    assert to_file.err == ""
    assert to_file.out.startswith(b"out.png  48x40  ")
    assert piped.err.startswith("-  48x40  ")
    assert piped.err.count("\n") == 1


def test_dev_stdout_is_treated_as_a_dash(folder: Path) -> None:
    """The report does not follow the picture on standard output."""
    by_dash, by_name = (run_process("in.png", name, folder=folder) for name in ("-", "/dev/stdout"))
    assert (by_name.code, by_name.out) == (0, by_dash.out)
    assert by_name.err.startswith("-  48x40  ")


def test_commands_can_be_chained(folder: Path) -> None:
    """One command's output is the next command's input."""
    with PIL.Image.open(io.BytesIO(_chain(folder))) as opened:
        assert opened.size == (24 * 6, 20 * 6)
        assert opened.format == "PNG"


def _chain(folder: Path) -> bytes:
    first_command = [sys.executable, "-m", "upsample_cli", "in.png", "-", "-q"]
    second_command = [sys.executable, "-m", "upsample_cli", "-", "-", "-s", "3", "-q"]
    with subprocess.Popen(first_command, cwd=folder, stdout=subprocess.PIPE) as process:
        return subprocess.run(
            second_command, stdin=process.stdout, capture_output=True, check=True
        ).stdout


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_ends_quietly(tmp_path: Path, format: str, unbuffered: str) -> None:
    """When the reader closes the pipe, as `head` does, no message is printed."""
    PIL.Image.fromarray(texture_samples(300, 300, 3)).save(tmp_path / "in.png")
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
    "arguments", ["in.png -", "in.png out.png", "measure in.png", "methods", "--help"]
)
def test_a_full_disk_behind_standard_output_is_reported(folder: Path, arguments: str) -> None:
    """A result that cannot be written is an error of one line."""
    command = [sys.executable, "-m", "upsample_cli", *arguments.split()]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            command, cwd=folder, stdout=full, stderr=subprocess.PIPE, check=False
        )
    fault = "cannot write standard output: No space left on device; write to a file"
    check_refused(Outcome(result.returncode, b"", result.stderr.decode()), 1, fault)


@pytest.mark.parametrize(
    ("arguments", "closed"),
    [("in.png -", ">&-"), ("- out.png", "<&-"), ("--files-from - out", "<&-")],
)
def test_a_closed_standard_stream_is_reported(folder: Path, arguments: str, closed: str) -> None:
    """A closed standard stream that should carry a picture or names is an error of one line."""
    command = [sys.executable, "-m", "upsample_cli", *arguments.split()]
    script = ["sh", "-c", f'"$@" {closed}', "sh", *command]
    result = subprocess.run(script, cwd=folder, capture_output=True, check=False)
    assert result.returncode in (1, 2)
    check_refused(
        Outcome(result.returncode, result.stdout, result.stderr.decode()), result.returncode, ";"
    )


@pytest.mark.parametrize(
    "arguments",
    ["in out", "in new --dry-run", "measure in/\u7167.png", "measure in/\u7167.png --csv"],
)
def test_characters_outside_the_encoding_are_escaped(folder: Path, arguments: str) -> None:
    """When output is encoded in Latin-1, as on Windows, other characters are escaped."""
    (folder / "in").mkdir()
    (folder / "in.png").rename(folder / "in" / "\u7167.png")
    result = subprocess.run(
        [sys.executable, "-m", "upsample_cli", *arguments.split()], cwd=folder, capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"}, check=False,
    )  # fmt: skip
    assert (result.returncode, b"Traceback" in result.stderr) == (0, False)
    assert rb"in/\u7167.png" in result.stdout.replace(b"out/", b"in/")


@pytest.mark.parametrize("arguments", ["in.png out.png", "in.png many/", "measure in.png"])
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_output_streams_do_not_stop_the_work(
    folder: Path, arguments: str, closed: str
) -> None:
    """Pictures are written when one of the output streams, or every standard stream, is closed."""
    command = [sys.executable, "-m", "upsample_cli", *arguments.split()]
    script = ["sh", "-c", f'"$@" {closed}', "sh", *command]
    assert subprocess.run(script, cwd=folder, check=False).returncode == 0
    if "out" in arguments:
        with PIL.Image.open(folder / "out.png") as picture:
            picture.load()


def test_a_closed_pipe_ends_text_output_quietly(folder: Path) -> None:
    """A command that prints text also ends without a traceback."""
    command = [sys.executable, "-W", "error", "-m", "upsample_cli", "measure", *["in.png"] * 9]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("signal_number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (HANGUP, 129)]
)
def test_an_interrupted_command_leaves_no_file(
    tmp_path: Path, signal_number: signal.Signals, code: int
) -> None:
    """A signal during the work leaves neither the output nor a partial file."""
    PIL.Image.fromarray(texture_samples(900, 900, 3)).save(tmp_path / "in.png")
    before = contents(tmp_path)
    command = [sys.executable, "-m", "upsample_cli", "in.png", "out.png", "-s", "16", "-j", "1",
               "--compression", "9"]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and len(list(tmp_path.iterdir())) == 1:
            pass  # wait until the temporary file exists
        process.send_signal(signal_number)
        out, err = process.communicate()
    assert process.returncode == code
    assert b"Traceback" not in err
    assert out == b""
    assert contents(tmp_path) == before


@pytest.mark.parametrize("arguments", ["in.png out.png", "many many-out/"])
def test_a_command_under_nohup_ignores_a_hangup(tmp_path: Path, arguments: str) -> None:
    """A command that ignores SIGHUP finishes after its terminal is closed."""
    (tmp_path / "many").mkdir()
    for name in ("in.png", "many/in.png"):
        PIL.Image.fromarray(texture_samples(200, 200, 3)).save(tmp_path / name)
    command = [sys.executable, "-m", "upsample_cli", *arguments.split(), "-s", "8", "-j", "1",
               "--compression", "9"]  # fmt: skip
    script = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command]
    with subprocess.Popen(script, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        faults.wait_until(lambda: list(tmp_path.rglob("*.part")))
        process.send_signal(HANGUP)
        for pid in faults.worker_ids(process):
            os.kill(pid, HANGUP)
    assert process.returncode == 0
    assert len(list(tmp_path.glob("*out*"))) == 1


def test_a_closed_terminal_ends_a_folder_run(tmp_path: Path) -> None:
    """The run ends and leaves no partial file when its terminal closes."""
    pty = pytest.importorskip("pty")
    (tmp_path / "many").mkdir()
    for index in range(4):
        PIL.Image.fromarray(texture_samples(250, 250, 3)).save(tmp_path / "many" / f"{index}.png")
    terminal, process_side = pty.openpty()
    command = programs.command(
        "own_terminal", sys.executable, "-m", "upsample_cli", "many", "out", "-s", 8, "-j", 1,
        "--compression", 9,
    )  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=process_side, stdout=process_side, stderr=process_side
    ) as process:
        os.close(process_side)
        faults.wait_until(lambda: list(tmp_path.rglob("*.part")))
        os.close(terminal)
        assert process.wait(faults.PATIENCE) in (1, 129)  # ended by the signal or by a failed write
    assert list((tmp_path / "out").glob(".*")) == []
    assert len(list((tmp_path / "out").glob("*.png"))) < 4


def test_a_pipe_is_skipped_where_its_output_exists(folder: Path) -> None:
    """The size of a piped picture says whether the output that exists is its own."""
    arguments, stdin = ("-", "out.png", "--skip-existing"), (folder / "in.png").read_bytes()
    first, second = (run_process(*arguments, stdin=stdin, folder=folder) for _ in range(2))
    assert (first.code, second.code) == (0, exit_codes.NOTHING_DONE)
    assert second.out == b"-  skipped: already exists\n"
    check_refused(run_process(*arguments, "-s", 3, stdin=stdin, folder=folder), 1, "48x40")


@pytest.mark.parametrize(("data", "fault"), [(b"", "empty"), (b"GIF no", "not a supported")])
def test_standard_input_without_a_picture_is_refused(folder: Path, data: bytes, fault: str) -> None:
    """Empty or unknown data is an error, and nothing goes to standard output."""
    check_refused(run_process("-", "-", stdin=data, folder=folder), 1, fault)


def test_errors_of_a_process_are_one_line(folder: Path) -> None:
    """A missing file gives exit code 1 and a wrong option 2, each with one line of error."""
    check_refused(run_process("no.png", "out.png", folder=folder), 1, "no file no.png")
    check_refused(run_process("in.png", "out.png", "-m", "splin", folder=folder), 2, "'spline'")
    check_refused(run_process("in.png", folder=folder), 2, "OUTPUT")


def test_json_of_a_pipe_is_on_stderr(folder: Path) -> None:
    """When the picture goes to standard output, the JSON report goes to standard error."""
    outcome = run_process("in.png", "-", "--json", folder=folder)
    assert json.loads(outcome.err)["output"] == "-"
    assert outcome.out.startswith(b"\x89PNG")


def test_json_of_a_failed_pipe_is_all_that_is_on_stderr(folder: Path) -> None:
    """A script that reads each line as JSON gets the error too."""
    outcome = run_process("-", "-", "--json", stdin=b"no picture", folder=folder)
    assert (outcome.code, outcome.out) == (1, b"")
    assert "is not a supported image file" in json.loads(outcome.err)["error"]


def test_json_of_a_pipe_has_the_notes_too(folder: Path) -> None:
    """No line of text stands beside the JSON."""
    outcome = run_process("in.png", "-", "--json", "--size", "200x90", folder=folder)
    assert "stretched" in json.loads(outcome.err)["notes"][0]
    options = ("-k", "uniform", "--kernel-size", 3, "--format", "png", "--quality", 50)
    outcome = run_process("in.png", "-", "--json", "--max-ripple", 0, *options, folder=folder)
    note = "--quality is for JPEG, WebP and AVIF; it does nothing for PNG"
    assert (outcome.code, json.loads(outcome.err)["notes"]) == (4, [note])


@pytest.mark.parametrize("arguments", [["--help"], ["measure", "--help"], ["methods", "--help"]])
def test_help_imports_no_heavy_library(arguments: list[str]) -> None:
    """`--help` imports neither NumPy nor SciPy, Pillow, tqdm or a process pool."""
    heavy = {"numpy", "scipy", "PIL", "tqdm", "isal", "concurrent.futures", "multiprocessing"}
    assert heavy & imported_modules(*arguments) == set()


@pytest.mark.parametrize(("method", "reads"), [("network", {"zipfile"}), ("tconv", set())])
def test_enlarging_a_png_imports_no_needless_library(
    folder: Path, method: str, reads: set[str]
) -> None:
    """PNG to PNG imports neither SciPy, tqdm nor multiprocessing, and zipfile for weights only."""
    modules = imported_modules("in.png", "out.png", "--jobs", 2, "-m", method, folder=folder)
    assert {"scipy", "tqdm", "multiprocessing", "zipfile"} & modules == reads


def test_decoders_print_no_messages(tmp_path: Path) -> None:
    """A TIFF that claims 2048 samples per pixel gives our error only, not the decoder's."""
    PIL.Image.fromarray(texture_samples(20, 20, 3)).save(tmp_path / "in.tif")
    data = (tmp_path / "in.tif").read_bytes()
    samples_per_pixel = struct.pack("<HHI", 277, 3, 1)
    assert data.count(samples_per_pixel) == 1
    offset = data.index(samples_per_pixel) + len(samples_per_pixel)
    (tmp_path / "in.tif").write_bytes(data[:offset] + struct.pack("<H", 2048) + data[offset + 2 :])
    command = [sys.executable, "-m", "upsample_cli", "in.tif", "out.png"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    check_refused(Outcome(result.returncode, result.stdout, result.stderr.decode()), 1, "in.tif")
