"""`upsample guide`."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which

import click
import pytest
from terminal import Outcome, check_refused

from upsample_cli import __version__
from upsample_cli.commands import COMMANDS
from upsample_cli.commands.app import app
from upsample_cli.commands.guide import FOLDER, TOPICS

Call = Callable[..., Outcome]


def test_the_topics_are_listed(call: Call) -> None:
    """Without a topic there is a line for each guide, with its title."""
    lines = call("guide").out.decode().splitlines()
    assert [line.split()[0] for line in lines] == list(TOPICS)
    assert any(line.endswith("What a transposed convolution is") for line in lines)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_guide_is_printed_whole(call: Call, topic: str) -> None:
    """As it stands in its file; where nobody looks at a terminal, without a pager."""
    outcome = call("guide", topic)
    assert outcome.code == 0
    assert outcome.out.decode().rstrip() == (FOLDER / f"{topic}.md").read_text().rstrip()


def test_a_wrong_topic_is_refused(call: Call) -> None:
    """The error has the nearest one, or all."""
    check_refused(call("guide", "metrics"), 2, "no guide 'metrics'; did you mean 'metric'?")
    check_refused(call("guide", "xyz"), 2, "choose audit, ")


def test_the_manual_page_has_every_option_of_every_command(call: Call, tmp_path: Path) -> None:
    """It is roff without faults, from the texts of the help; examples keep their lines."""
    page = call("guide", "--man").out.decode()
    assert page.startswith(f'.TH UPSAMPLE 1 "" "upsample-cli {__version__}"\n.SH NAME\nupsample')
    context = click.Context(app)
    for name in ("upsample", *COMMANDS):
        command = app.get_command(context, name)
        assert command is not None
        assert name == "upsample" or f"\n.SH {name.upper()}\n" in page
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.opts[-1].replace("-", "\\-") in page
                assert str(option.help).replace("-", "\\-") in page
    assert "\n.nf\nupsample photo.jpg large.png\nupsample photo.jpg large.png \\-\\-scale 3" in page
    if which("groff"):
        (tmp_path / "upsample.1").write_text(page)
        command_line = ["groff", "-man", "-w", "all", "-W", "break", "-Tascii", "-rLL=120n"]
        run = subprocess.run(
            [*command_line, tmp_path / "upsample.1"], capture_output=True, check=True
        )
        assert run.stderr == b""
        assert b"Output pixels per input pixel, 1 to 64; default 2." in run.stdout


def test_guides_are_in_the_package() -> None:
    """Each is a file of Markdown with one title."""
    for path in Path(FOLDER).iterdir():
        assert path.suffix == ".md"
        assert path.read_text().startswith("# ")
