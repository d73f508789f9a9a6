"""The README is true: it is followed from top to bottom, beside the sample pictures alone."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from upsample_cli.commands.guide import TOPICS
from upsample_cli.methods.catalogue import METHODS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SET_UP = "python3 -m venv"
SKIPPED = 3  # the exit code where all outputs exist


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of a document in a folder, by the shell, with this Python's `upsample`."""
    line = re.sub(r"\bupsample(?= )", f"{sys.executable} -m upsample_cli", command)
    line = re.sub(r"^python(?= )", sys.executable, line)
    return subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False)


def timeless(text: str) -> str:
    """Return a text without the seconds that anything took."""
    return re.sub(r"\d+\.\d\d s\b", "", text)


def test_it_is_followed_from_top_to_bottom(tmp_path: Path) -> None:
    """Each command works with what the package has and what earlier lines made, and prints that."""
    shutil.copytree(ROOT / "sample_images", tmp_path / "sample_images")
    blocks = re.findall(r"^```(console|sh)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    tried = 0
    for kind, block in blocks:
        if SET_UP in block:
            continue
        if kind == "console":
            pairs = re.findall(r"^\$ (.*)\n((?:[^$].*\n|\n)*)", block, re.MULTILINE)
        else:
            pairs = [(line.split("  #")[0].strip(), None) for line in block.splitlines()]
        for command, shown in pairs:
            done = run(command, tmp_path)
            expected = SKIPPED if "--skip-existing" in command else 0
            assert (done.returncode, command) == (expected, command), done.stderr
            assert shown is None or timeless(done.stdout + done.stderr) == timeless(shown)
            tried += 1
    assert tried >= 12


def test_the_methods_table_is_the_catalogue() -> None:
    """The table says of every method what `upsample methods` does."""
    table = README.split("<!-- methods -->\n")[1].split("\n\n")[0].splitlines()[2:]
    expected = []
    for method in METHODS:
        options = ", ".join(f"`{each.option}`" for each in method.parameters())
        backends = ", ".join(method.backends())
        expected.append(f"| `{method.name}` | {options or '-'} | {backends} | {method.summary} |")
    assert expected == table


def test_the_set_up_command_enlarges_a_sample_that_is_there() -> None:
    """The first command installs the package and ends with the main job on a sample picture."""
    command = README.split("```sh\n")[1].split("```")[0].strip()
    assert command.startswith(SET_UP)
    job = command.split(" && ")[-1].split()
    assert job[0].endswith("bin/upsample")
    assert (ROOT / job[1]).is_file()


def test_what_it_links_to_is_there() -> None:
    """Every file that it links to exists, and every guide is linked."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert all((ROOT / link).exists() for link in links if "://" not in link)
    for topic in TOPICS:
        assert f"upsample_cli/guides/{topic}.md" in links


def test_it_is_short() -> None:
    """Nobody reads more than a few screens."""
    assert len(README.splitlines()) <= 220
