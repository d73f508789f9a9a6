import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faults
import PIL.Image
import pytest
from textures import levels

from upsample_cli.jobs import forked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely")

# A run of the command on two cores, whatever there are, that tells when its twin gets to work.
PROGRAM = """
import os, sys
from upsample_cli.jobs import process, serving, twin
os.sched_getaffinity = lambda process: {{0, 1}}
enlarge = twin.Twin.enlarge
def told(self, *arguments):
    print("twin", self._number, file=sys.stderr, flush=True)
    return enlarge(self, *arguments)
twin.Twin.enlarge = told
{patch}
from upsample_cli.__main__ import main
main()
"""
Run = Callable[..., Any]


def command(words: Sequence[object], patch: str = "") -> list[str]:
    return [sys.executable, "-c", PROGRAM.format(patch=patch), *map(str, words)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command in the test's folder; return its exit code and lines of standard error."""

    def made(*words: object, patch: str = "", **options: Any) -> tuple[int, list[str]]:
        options |= {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
        result = subprocess.run(command(words, patch), **options)
        return result.returncode, result.stderr.splitlines()

    return made


def used(lines: Sequence[str]) -> bool:
    """Tell whether a twin got to work."""
    return any(line.startswith("twin ") for line in lines)


def saved(path: Path, channels: int = 3, side: int = 300, **options: Any) -> None:
    samples = levels(side, side, channels)
    PIL.Image.fromarray(samples[..., 0] if channels == 1 else samples).save(path, **options)


@pytest.mark.parametrize(
    ("suffix", "channels"), [*(("png", n) for n in range(1, 5)), ("jpg", 1), ("jpg", 3)]
)
@pytest.mark.parametrize("out", ["png", "tif"])
def test_a_twin_writes_the_same_bytes(
    tmp_path: Path, run: Run, suffix: str, channels: int, out: str
) -> None:
    """A picture becomes the same file, with all that stands beside its pixels, either way."""
    exif = PIL.Image.Exif()
    exif[0x010F] = "maker"
    saved(tmp_path / f"in.{suffix}", channels, exif=exif, dpi=(300, 300))
    code, lines = run(f"in.{suffix}", f"beside.{out}")
    assert (code, used(lines)) == (0, True)
    code, lines = run(f"in.{suffix}", f"alone.{out}", "--jobs", 2)
    assert (code, used(lines)) == (0, False)
    assert (tmp_path / f"beside.{out}").read_bytes() == (tmp_path / f"alone.{out}").read_bytes()


def test_each_process_loads_its_own_half(tmp_path: Path, run: Run) -> None:
    """Who reads and decodes loads no NumPy; who enlarges loads no click, no Pillow, little else."""
    saved(tmp_path / "in.png")
    patch = (
        "import os\n"
        "early = set(sys.modules)\n"
        "def tell():\n"
        "    loaded = {'numpy', 'PIL.Image', 'click'} & set(sys.modules)\n"
        "    sys.stderr.write(' '.join(sorted(loaded)) + '\\n')\n"  # at once: both write
        "def enlarged(order, reader, shared, before=serving._enlarged):\n"
        "    report = before(order, reader, shared)\n"
        "    run = [name for name in serving._SELDOM_USED if name not in early and\n"
        "           type(sys.modules[name]).__name__ != '_Lazy']\n"
        "    assert not run, run\n"
        "    tell()\n"
        "    return report\n"
        "serving._enlarged = enlarged\n"
        "def leave(code, before=os._exit):\n"
        "    tell()\n"
        "    before(code)\n"
        "os._exit = leave\n"
    )
    code, lines = run("in.png", "out.png", "--max-ripple", 1, "--quiet", patch=patch)
    assert (code, lines[1], lines[-1]) == (0, "numpy", "PIL.Image click")


@pytest.mark.parametrize(
    "words",
    [
        "in.png new",
        "turned.jpg out.png",
        "deep.png out.png",
        "large.png out.png",
        "moving.gif a.gif",
    ],
)
def test_what_is_not_one_plain_picture_needs_no_twin(tmp_path: Path, run: Run, words: str) -> None:
    """A folder to write, and pictures that are only had as a whole or are large, are done alone."""
    (tmp_path / "new").mkdir()
    saved(tmp_path / "in.png", side=30)
    saved(tmp_path / "large.png", side=60)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    saved(tmp_path / "turned.jpg", side=30, exif=exif)
    PIL.Image.fromarray(levels(30, 30, 1, 16)[..., 0]).save(tmp_path / "deep.png")
    frames = [PIL.Image.fromarray(levels(30, 30, 3) // n) for n in (1, 2)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    code, lines = run(*words.split(), patch="twin.Twin.MOST = 50 * 50")
    assert (code, used(lines)) == (0, False), lines
    name = "new/in.png" if "new" in words else words.split()[1]
    with PIL.Image.open(tmp_path / name) as made:
        assert made.size == ((120, 120) if "large" in words else (60, 60))


@pytest.mark.parametrize("words", ["in.png out.png --scale 0.5", "no.png out.png", "in.png in.png"])
def test_refusals_are_the_same(tmp_path: Path, run: Run, words: str) -> None:
    """What cannot be done is told in the same words, with the same exit code."""
    saved(tmp_path / "in.png", side=30)
    code, lines = run(*words.split())
    assert code in (1, 2)
    assert (code, [line for line in lines if "twin" not in line]) == run(
        *words.split(), "--jobs", 2
    )


def test_errors_of_a_twin_come_back(tmp_path: Path, run: Run) -> None:
    """What the twin alone can find is told as if it had been found here."""
    saved(tmp_path / "in.png", 4)
    code, lines = run("in.png", "out.jpg", "--json")
    assert code == 1
    assert lines[1:] == ["Error: JPEG holds no transparency; write a PNG, WebP or TIFF"]
    assert [each.name for each in tmp_path.iterdir()] == ["in.png"]


@pytest.mark.parametrize("length", [0.3, 0.99])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_broken_pictures_are_refused(tmp_path: Path, run: Run, suffix: str, length: float) -> None:
    """A picture that breaks while the twin works on it leaves nothing, as it does alone."""
    saved(tmp_path / "whole", format={"png": "PNG", "jpg": "JPEG"}[suffix])
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / f"in.{suffix}").write_bytes(data[: int(length * len(data))])
    alone = run(f"in.{suffix}", "out.png", "--jobs", 2)
    code, lines = run(f"in.{suffix}", "out.png")
    assert (code, [line for line in lines if "twin" not in line]) == alone
    assert code == 1
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "patch",
    [
        "def load(name):\n    raise MemoryError\nserving.import_module = load",
        "def enlarged(order, reader, shared):\n"
        "    import numpy as np\n"
        "    np.empty(1 << 60, np.uint8)\n"
        "serving._enlarged = enlarged\n"
        "import os\n"
        "def leave(code, before=os._exit):\n"
        "    if {'click', 'numpy'} <= set(sys.modules):\n"
        "        print('NumPy', file=sys.stderr, flush=True)\n"
        "    before(code)\n"
        "os._exit = leave\n",
        "def enlarged(order, reader, shared, before=serving._enlarged):\n"
        "    from threading import Thread\n"
        "    def start(thread):\n"
        "        raise RuntimeError\n"
        "    Thread.start = start\n"
        "    return before(order, reader, shared)\n"
        "serving._enlarged = enlarged\n",
    ],
    ids=["loading", "arrays", "a thread"],
)
def test_a_twin_without_memory_is_told(tmp_path: Path, run: Run, patch: str) -> None:
    """Lack of memory is told in the same words, wherever the twin meets it, and loads nothing."""
    saved(tmp_path / "in.png")
    code, lines = run("in.png", "out.png", patch=patch)
    told = "Error: memory has run out; allow more, or take a smaller picture or --scale"
    assert (code, lines[1:]) == (1, [told])


def test_a_bug_in_a_twin_has_its_traceback(tmp_path: Path, run: Run) -> None:
    """What is no error of ours is told where it is, and ends the run with 1."""
    saved(tmp_path / "in.png")
    patch = "serving._enlarged = lambda *_: 1 / 0"
    code, lines = run("in.png", "out.png", patch=patch)
    assert code == 1
    assert lines[1].startswith("Traceback")
    assert lines[-1] == "ZeroDivisionError: division by zero"


SLOW = (
    "import time\n"
    "def slowly(order, reader, shared, enlarged=serving._enlarged):\n"
    "    from upsample_cli.images import target\n"
    "    with target.opened(order.to) as file:\n"
    "        file.write(b'half')\n"
    "        open('begun', 'w').close()\n"
    "        from upsample_cli.images.received import Received\n"
    "        Received(reader, shared, order.shape, process.unwind_main_thread)\n"
    "        time.sleep(60)\n"
    "serving._enlarged = slowly\n"
)


@pytest.fixture
def patch() -> str:
    """Return what a slow run is patched with."""
    return SLOW


@pytest.fixture
def slow(tmp_path: Path, patch: str) -> subprocess.Popen[str]:
    """Start a run whose twin has half of a file written; it ends with the test."""
    saved(tmp_path / "in.png")
    with subprocess.Popen(
        command(["in.png", "out.png"], patch),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        faults.until((tmp_path / "begun").exists)
        yield process
        process.kill()


def number(process: subprocess.Popen[str]) -> int:
    """Return the number of a run's twin."""
    assert process.stderr is not None
    return int(process.stderr.readline().split()[1])


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)],
)
@pytest.mark.parametrize("group", [False, True])
def test_a_twin_ends_with_its_other(
    tmp_path: Path, slow: subprocess.Popen[str], sent: signal.Signals, code: int, group: bool
) -> None:
    """However a run is ended, its twin undoes what it has written, and ends too."""
    twin = number(slow)
    if group and sent != signal.SIGKILL:
        os.killpg(slow.pid, sent)
    else:
        os.kill(slow.pid, sent)
    assert slow.wait(faults.PATIENCE) == code
    faults.until(lambda: not faults.is_alive(twin))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["begun", "in.png"]


LATE = (
    "import os\n"
    "def unlink(path, before=os.unlink):\n"
    "    time.sleep(0.5)\n"
    "    before(path)\n"
    "os.unlink = unlink\n"
)


@pytest.mark.parametrize("patch", [SLOW + LATE])
def test_one_signal_to_both_is_undone_once(tmp_path: Path, slow: subprocess.Popen[str]) -> None:
    """That a run ends, too, does not disturb its twin at undoing what it has written."""
    twin = number(slow)
    os.kill(twin, signal.SIGTERM)
    os.kill(slow.pid, signal.SIGTERM)
    assert slow.wait(faults.PATIENCE) == 143
    faults.until(lambda: not faults.is_alive(twin))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["begun", "in.png"]


def test_a_twin_that_loads_ends_without_a_word(tmp_path: Path, run: Run) -> None:
    """A signal amid the imports of a library is not told as a fault of that."""
    saved(tmp_path / "in.png")
    patch = (
        "import os, signal\n"
        "def load(name):\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    except SystemExit as leaving:\n"
        "        raise ImportError(name) from leaving\n"
        "serving.import_module = load\n"
    )
    code, lines = run("in.png", "out.png", patch=patch)
    assert (code, lines[1:]) == (143, [])


def test_a_twin_whose_other_has_gone_is_silent(tmp_path: Path, run: Run) -> None:
    """An answer that nobody waits for any more is no bug of the twin's."""
    saved(tmp_path / "in.png")
    patch = (
        "import os, signal, time\n"
        "def enlarged(order, reader, shared, before=serving._enlarged):\n"
        "    report = before(order, reader, shared)\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"  # which mostly comes first
        "    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    time.sleep(0.2)\n"
        "    return report\n"
        "serving._enlarged = enlarged\n"
    )
    code, lines = run("in.png", "out.png", patch=patch)
    assert (code, len(lines)) == (-signal.SIGKILL, 1), lines


def test_a_killed_twin_is_told(tmp_path: Path, slow: subprocess.Popen[str]) -> None:
    """Where the system ends the twin, the run says so, and removes what that has half-written."""
    os.kill(number(slow), signal.SIGKILL)
    assert slow.wait(faults.PATIENCE) == 1
    assert slow.stderr is not None
    assert slow.stderr.read() == (
        "Error: the process that enlarges was ended by SIGKILL; allow more memory, or take a "
        "smaller picture or --scale\n"
    )
    assert sorted(each.name for each in tmp_path.iterdir()) == ["begun", "in.png"]


def hear_of_no_end() -> None:
    """Ignore the end of processes, as some that start others do; what is started inherits it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def test_a_run_need_not_hear_of_its_twins_end(tmp_path: Path, run: Run) -> None:
    """Where the end of processes is ignored all goes well."""
    saved(tmp_path / "in.png")
    code, lines = run("in.png", "out.png", preexec_fn=hear_of_no_end)
    assert (code, used(lines), len(lines)) == (0, True, 1)


def test_a_twin_that_ends_at_once_is_told(tmp_path: Path, run: Run) -> None:
    """Its end is heard of where that of processes is ignored, however early it comes."""
    saved(tmp_path / "in.png")
    patch = (
        "import signal, time\n"
        "from upsample_cli.jobs import forked\n"
        "forked._serve = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "def wait(before=process.end_at_once):\n"
        "    time.sleep(0.3)\n"
        "    before()\n"
        "process.end_at_once = wait\n"
    )
    code, lines = run("in.png", "out.png", patch=patch, preexec_fn=hear_of_no_end)
    assert (code, len(lines)) == (1, 2), lines
    assert "was ended by SIGKILL" in lines[1]


@pytest.mark.parametrize("is_ignored", [False, True])
def test_an_interrupt_right_after_the_fork_is_silent(
    tmp_path: Path, run: Run, is_ignored: bool
) -> None:
    """Neither process has a traceback before it is set up; where it is ignored, it remains so."""
    saved(tmp_path / "in.png")
    patch = (
        "import signal\n"
        "from upsample_cli.jobs import forked\n"
        f"if {is_ignored}:\n"
        "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "def interrupt(before=process.end_at_once):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    before()\n"
        "process.end_at_once = interrupt\n"
    )
    code, lines = run("in.png", "out.png", patch=patch)
    assert (code, used(lines), len(lines)) == ((0, True, 1) if is_ignored else (-2, False, 0))


def test_an_interrupt_of_the_twin_alone_is_told(tmp_path: Path, run: Run) -> None:
    """A run that fails for a signal of its twin's says so, also before the twin is set up."""
    saved(tmp_path / "in.png")
    patch = (
        "import signal\n"
        "from upsample_cli.jobs import forked\n"
        "def serve(*given, before=forked._serve):\n"
        "    process.end_at_once = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "    before(*given)\n"
        "forked._serve = serve\n"
    )
    code, lines = run("in.png", "out.png", patch=patch)
    assert (code, len(lines)) == (1, 2)
    assert "was ended by SIGINT" in lines[1]


def test_where_nothing_can_be_forked_the_run_is_alone(tmp_path: Path, run: Run) -> None:
    """A system that lets no more processes begin ends no run."""
    saved(tmp_path / "in.png")
    patch = "import os\ndef fork():\n    raise BlockingIOError\nos.fork = fork"
    assert run("in.png", "out.png", patch=patch) == (0, [])
    assert (tmp_path / "out.png").exists()


def test_a_store_is_not_asked_by_two_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the output is a URL, both would load its library and ask whether it is there."""
    saved(tmp_path / "in.png", side=30)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    assert forked.begun([str(tmp_path / "in.png"), "s3://bucket/out.png"]) is None
