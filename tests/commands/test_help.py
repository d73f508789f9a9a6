import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from terminal import Outcome, check_refused, imported

from upsample_cli.commands.app import app
from upsample_cli.kernels.kernel_file import SHIPPED
from upsample_cli.methods.catalogue import METHODS

COMMANDS = ["upsample", "measure", "audit", "repair", "train", "layer", "matrix", "methods"]


CONTEXT = click.Context(app)


def command(name: str) -> click.Command:
    found = app.get_command(CONTEXT, name)
    assert found is not None
    return found


def commands() -> Iterator[tuple[str, click.Command]]:
    yield "upsample", app
    yield from ((name, command(name)) for name in ("upsample", *app.list_commands(CONTEXT)))


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_and_option_has_help(name: str, command: click.Command) -> None:
    """Short helps are there, fit a line of 80 columns, and end as sentences do."""
    assert command.help
    if command is not app:
        assert command.short_help
        assert len(command.short_help) <= 54
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert len(option.help) <= 54, option.help
            assert option.help.endswith("."), option.help


def test_the_commands_are_those() -> None:
    """No command goes without a test of its own here."""
    assert {"upsample", *app.list_commands(CONTEXT)} >= set(COMMANDS)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["in.png", "-h"], ["upsample", "--help"]])
def test_help_tells_the_main_job(call: Callable[..., Outcome], words: list[str]) -> None:
    """Help without a command's name is the main job's."""
    outcome = call(*words)
    assert outcome.code == 0
    assert outcome.err == ""
    assert b"Enlarge INPUT into OUTPUT" in outcome.out
    assert b"--max-ripple" in outcome.out
    assert b"-h, --help " in outcome.out


def test_help_lists_the_other_commands(call: Callable[..., Outcome]) -> None:
    """The others are listed below it, each with its line."""
    text = call("--help").out.decode()
    listed = text[text.index("Commands:") :]
    for name in app.list_commands(CONTEXT):
        assert f"  {name}  " in listed + " "
        assert command(name).short_help in listed


@pytest.mark.parametrize("name", COMMANDS[1:])
def test_commands_tell_their_own_help(call: Callable[..., Outcome], name: str) -> None:
    """`upsample COMMAND --help` and -h are about that command."""
    outcome = call(name, "--help")
    assert outcome.code == 0
    assert re.match(rf"Usage: .*upsample {name} ", outcome.out.decode())
    assert call(name, "-h").out == outcome.out


def test_a_command_loads_no_other(folder: Path) -> None:
    """Only the module of the command that is called is imported: a small picture would wait."""
    loaded = imported("in.png", "out.png", folder=folder)
    assert "upsample_cli.commands.upsample" in loaded
    assert {f"upsample_cli.commands.{name}" for name in COMMANDS[1:]} & loaded == set()


def test_without_arguments_there_is_help(call: Callable[..., Outcome]) -> None:
    """The bare command tells what it is for."""
    assert b"Enlarge INPUT into OUTPUT" in call().out


def test_the_version_is_told(call: Callable[..., Outcome]) -> None:
    """`--version` is one line."""
    outcome = call("--version")
    assert outcome.code == 0
    assert outcome.out.startswith(b"upsample, version ")
    assert outcome.out.count(b"\n") == 1


def test_every_parameter_of_a_method_is_an_option() -> None:
    """The options of the command are made from the catalogue, none left out."""
    options = {option.name for option in command("upsample").params}
    for method in METHODS:
        assert {each.name for each in method.parameters()} <= options


def test_methods_are_listed(call: Callable[..., Outcome]) -> None:
    """`upsample methods` has a line a method, with its parameters, then the learned kernels."""
    listed, learned = call("methods").out.decode().split("\n\n")
    lines = listed.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [method.name for method in METHODS]
    for line, method in zip(lines[1:], METHODS, strict=True):
        assert method.summary in line
        for each in method.parameters():
            assert each.option in line
        assert ", ".join(method.backends()) in line
    assert learned.count("  learned") == len(list(Path(SHIPPED).glob("*.npz")))


def test_methods_are_told_as_json(call: Callable[..., Outcome]) -> None:
    """`upsample methods --json` has an object a method, with what each parameter can be."""
    lines = [json.loads(line) for line in call("methods", "--json").out.splitlines()]
    found = {line["method"]: line for line in lines if "method" in line}
    assert list(found) == [method.name for method in METHODS]
    assert found["spline"]["parameters"] == [
        {"name": "order", "default": 3, "help": "degree", "values": "0..5"},
        {"name": "backend", "default": "fast", "help": "what computes it", "values": "fast, scipy"},
    ]
    words = [line["shipped"]["kernel"] for line in lines if "shipped" in line]
    learned = [word for word in words if word.startswith("learned")]
    assert len(learned) == len(list(Path(SHIPPED).glob("*.npz")))


@pytest.mark.parametrize(
    ("words", "told"),
    [("train", "train --help"), ("layer in.png", "layer --help"), ("measure --foo", "measure --h"),
     ("measure in.png --map", "measure --h"), ("in.png o.png --size", "--help"),
     ("a b --scale x", "--help"), ("--foo", "--help")],
)  # fmt: skip
def test_errors_name_the_help_of_their_command(
    call: Callable[..., Outcome], words: str, told: str
) -> None:
    """What a command misses or does not know is told with the call that lists what it takes."""
    check_refused(call(*words.split()), 2, f"; see `upsample {told}")


@pytest.mark.parametrize(
    ("words", "told"),
    [("a b --quality 90%", "'90%' is not a valid integer"),
     ("a b --max-ripple 1%", "'1%' is not a valid number"),
     ("a b --scale 2x", "'2x' is not a valid number"), ("a b --order 3rd", "a valid integer"),
     ("train a -o k.npz --taps 7.5", "'7.5' is not a valid integer"),
     ("matrix --stride two", "'two' is not a valid integer")],
)  # fmt: skip
def test_what_is_no_number_is_called_so(
    call: Callable[..., Outcome], words: str, told: str
) -> None:
    """A value that is no number is called that, in the same words for every option."""
    check_refused(call(*words.split()), 2, f"{told}; see `upsample ")
