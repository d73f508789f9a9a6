"""The guides are true: their console sessions print what they show, their options exist."""

import doctest
import re
import shutil
from pathlib import Path

import click
import pytest
from test_readme import ROOT, run

from upsample_cli.commands.app import app
from upsample_cli.commands.guide import FOLDER, TOPICS

TEXTS = {topic: (FOLDER / f"{topic}.md").read_text() for topic in TOPICS}
CONTEXT = click.Context(app, **app.context_settings)


@pytest.mark.parametrize("topic", TOPICS)
def test_sessions_print_what_the_guide_shows(topic: str, tmp_path: Path) -> None:
    """Every `$` command prints all that stands below it."""
    shutil.copy(ROOT / "sample_images" / "coffee.png", tmp_path / "photo.png")
    for block in re.findall(r"^```console\n(.*?)^```$", TEXTS[topic], re.MULTILINE | re.DOTALL):
        for command, shown in re.findall(r"^\$ (.*)\n((?:[^$].*\n|\n)*)", block, re.MULTILINE):
            done = run(command, tmp_path)
            assert (done.returncode, done.stdout + done.stderr) == (0, shown)


@pytest.mark.parametrize("topic", TOPICS)
def test_options_exist(topic: str) -> None:
    """Every option in a command of a guide is one of that command's."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXTS[topic], re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0] for block in blocks for line in block.splitlines()]
    commands = [line.rpartition("| ")[2] for line in lines if "upsample " in line]
    inline = re.findall(r"`(upsample [^`]*)`", TEXTS[topic])
    for line in [one for one in commands if one.startswith("upsample ")] + inline:
        words = line.split()[1:]
        name = words[0] if words and words[0] in app.list_commands(CONTEXT) else "upsample"
        command = app.get_command(CONTEXT, name)
        assert command is not None
        known = {option for one in command.params for option in one.opts}
        options = {word for word in words if re.match(r"--?[a-z0]", word)}
        assert options <= known | {"-h", "--help"}, line


@pytest.mark.parametrize("topic", TOPICS)
def test_commands_can_follow_each_other(topic: str) -> None:
    """No command of a guide writes a file that an earlier one wrote, unless it passes --force."""
    written: list[str] = []
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXTS[topic], re.MULTILINE | re.DOTALL)
    for line in re.findall(r"^(?:.*\| )?upsample (.*)", "\n".join(blocks), re.MULTILINE):
        words = re.split(r" +#| [<>] ", line)[0].split()
        name = words.pop(0) if words[0] in app.list_commands(CONTEXT) else "upsample"
        command = app.get_command(CONTEXT, name)
        assert command is not None
        values, _, _ = command.make_parser(click.Context(command, CONTEXT)).parse_args(words)
        files = [values.get("output"), values.get("heat_map"), values.get("spectrum")]
        if name == "upsample":
            files.append(values["paths"][-1])
        elif name == "compare" and "output" not in values:
            files.append("compare.html")
        made = {file for file in files if isinstance(file, str) and not file.endswith("/")} - {"-"}
        assert "force" in values or not made & set(written), line
        written += made


def test_python_examples() -> None:
    """The Python of the guide on it gives what it shows."""
    failed, tried = doctest.testfile(str(FOLDER / "python.md"), module_relative=False)
    assert (failed, tried) == (0, 17)
