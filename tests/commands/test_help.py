import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from terminal import Outcome, check_refused, imported_modules

import upsample_cli
from upsample_cli.commands.app import app
from upsample_cli.commands.upsample import GROUPS
from upsample_cli.kernels.kernel_file import SHIPPED
from upsample_cli.methods.catalogue import METHODS

COMMANDS = [
    "upsample",
    "measure",
    "audit",
    "repair",
    "train",
    "layer",
    "matrix",
    "compare",
    "methods",
    "guide",
]
CONTEXT = click.Context(app)
_CHOICES = {
    method.name: parameter.choices
    for method in METHODS
    for parameter in method.parameters()
    if parameter.name == "kernel"
}
KERNELS = [
    (name, [method for method, names in _CHOICES.items() if name in names])
    for name in dict.fromkeys(name for names in _CHOICES.values() for name in names)
]


def command(name: str) -> click.Command:
    result = app.get_command(CONTEXT, name)
    assert result is not None
    return result


def commands() -> Iterator[tuple[str, click.Command]]:
    yield "upsample", app
    yield from ((name, command(name)) for name in ("upsample", *app.list_commands(CONTEXT)))


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_and_option_has_help(name: str, command: click.Command) -> None:
    """Short help texts exist, fit a line of 100 columns and end with a full stop."""
    assert command.help
    if command is not app:
        assert command.short_help
        assert len(command.short_help) <= 54
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert len(option.help) <= 72, option.help
            assert option.help.endswith("."), option.help


def test_every_option_of_the_main_job_is_in_a_group(call: Callable[..., Outcome]) -> None:
    """Once, under a title; what is in none comes under Other."""
    names = [name for group in GROUPS.values() for name in group]
    assert len(set(names)) == len(names)
    options = {one.name for one in command("upsample").params if isinstance(one, click.Option)}
    assert options == set(names)
    text = call("--help").out.decode()
    for title in (*GROUPS, "Other"):
        assert f"\n{title}:\n" in text


def test_the_version_is_known_from_python_too(call: Callable[..., Outcome]) -> None:
    """`-V`, `--version` and `upsample_cli.__version__` agree."""
    short, long = call("-V").out, call("--version").out
    assert short == long == f"upsample, version {upsample_cli.__version__}\n".encode()


def test_these_are_all_commands() -> None:
    """The commands are those listed in this module: a new one is to be added to the tests."""
    assert {"upsample", *app.list_commands(CONTEXT)} == set(COMMANDS)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["in.png", "-h"], ["upsample", "--help"]]
)
def test_help_without_a_command_describes_enlarging(
    call: Callable[..., Outcome], arguments: list[str]
) -> None:
    """Help without a command's name describes the command `upsample`."""
    outcome = call(*arguments)
    assert outcome.code == 0
    assert outcome.err == ""
    assert b"Enlarge INPUT into OUTPUT" in outcome.out
    assert b"--max-ripple" in outcome.out
    assert b"-h, --help " in outcome.out


def test_help_lists_the_other_commands(call: Callable[..., Outcome]) -> None:
    """The help lists every other command with its one-line help."""
    text = call("--help").out.decode()
    listing = text[text.index("Commands:") :]
    for name in app.list_commands(CONTEXT):
        assert f"  {name}  " in listing + " "
        assert command(name).short_help in listing


@pytest.mark.parametrize("name", COMMANDS[1:])
def test_every_command_has_its_own_help(call: Callable[..., Outcome], name: str) -> None:
    """`upsample COMMAND --help` and `-h` describe that command."""
    outcome = call(name, "--help")
    assert outcome.code == 0
    assert re.match(rf"Usage: .*upsample {name} ", outcome.out.decode())
    assert call(name, "-h").out == outcome.out


def test_a_command_imports_no_other_command(folder: Path) -> None:
    """Only the module of the called command is imported, which keeps short runs quick."""
    modules = imported_modules("in.png", "out.png", folder=folder)
    assert "upsample_cli.commands.upsample" in modules
    assert {f"upsample_cli.commands.{name}" for name in COMMANDS[1:]} & modules == set()


@pytest.mark.parametrize("reads_terminal", [True, False])
@pytest.mark.parametrize("writes_terminal", [True, False])
def test_calling_without_arguments_prints_help(reads_terminal: bool, writes_terminal: bool) -> None:
    """`upsample` alone prints the help on a terminal; a pipe is refused, and nothing goes to it."""
    ours, theirs = pytest.importorskip("pty").openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "upsample_cli"],
        stdin=theirs if reads_terminal else subprocess.DEVNULL,
        stdout=theirs if writes_terminal else subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the process has closed the terminal
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    out, err = process.communicate()
    if reads_terminal and writes_terminal:
        assert b"Enlarge INPUT into OUTPUT" in shown
        assert (process.returncode, err) == (0, b"")
    else:
        outcome = Outcome(process.returncode, shown + (out or b""), err.decode())
        check_refused(outcome, 2, "name an input and an output; for a pipe, upsample - -")


def test_version_prints_one_line(call: Callable[..., Outcome]) -> None:
    """`--version` prints one line."""
    outcome = call("--version")
    assert outcome.code == 0
    assert outcome.out.startswith(b"upsample, version ")
    assert outcome.out.count(b"\n") == 1


def test_every_parameter_of_a_method_is_an_option() -> None:
    """The command has an option for every parameter in the catalogue."""
    options = {option.name for option in command("upsample").params}
    for method in METHODS:
        assert {parameter.name for parameter in method.parameters()} <= options


def test_the_help_names_every_kernel(call: Callable[..., Outcome]) -> None:
    """They are in the text above the options."""
    words = call("--help").out.decode().partition("Size:")[0].replace(",", " ").replace(".", " ")
    assert {name for name, _ in KERNELS} <= {*words.split()}


def test_defaults_are_in_the_help() -> None:
    """An option with a default value says it, in the same words everywhere."""
    for _, one in commands():
        for option in one.params:
            if isinstance(option, click.Option) and not option.is_flag and option.help:
                default = str(option.default).removesuffix(".0")
                has_one = option.default is not None and "UNSET" not in default
                assert not has_one or f"; default {default}" in option.help, option.name


def test_methods_are_listed(call: Callable[..., Outcome]) -> None:
    """`upsample methods` prints one line per method with its parameters, then the kernels."""
    method_text, names, kernel_text, note = call("methods").out.decode().split("\n\n")
    listed = {line.split()[0]: line.split()[1] for line in names.splitlines()[1:]}
    assert listed.pop("FILE") == "both"
    assert listed == {name: owners[0] if len(owners) == 1 else "both" for name, owners in KERNELS}
    assert "mean PSNR of Set5" in note
    lines = method_text.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [method.name for method in METHODS]
    for line, method in zip(lines[1:], METHODS, strict=True):
        assert method.summary in line
        for parameter in method.parameters():
            assert parameter.option in line
        assert ", ".join(method.backends()) in line
    assert kernel_text.count("  learned") == len(list(Path(SHIPPED).glob("*learned*.npz")))


def test_methods_are_listed_as_json(call: Callable[..., Outcome]) -> None:
    """`upsample methods --json` prints one object per method, with its parameters' values."""
    lines = [json.loads(line) for line in call("methods", "--json").out.splitlines()]
    methods = {line["method"]: line for line in lines if "method" in line}
    assert list(methods) == [method.name for method in METHODS]
    expected = {"order": (3, "0..5"), "backend": ("fast", "fast, scipy"), "antiring": (0, "0..1")}
    parameters = methods["spline"]["parameters"]
    assert {one["name"]: (one["default"], one["values"]) for one in parameters} == expected
    assert all(one["help"] for one in parameters)
    names = [line["shipped"]["kernel"] for line in lines if "shipped" in line]
    learned = [name for name in names if name.startswith("learned")]
    assert len(learned) == len(list(Path(SHIPPED).glob("*learned*.npz")))


@pytest.mark.parametrize(
    ("arguments", "help_call"),
    [("train", "train --help"), ("layer in.png", "layer --help"), ("measure --zzz", "measure --h"),
     ("measure in.png --map", "measure --h"), ("in.png o.png --size", "--help"),
     ("--zzz", "--help")],
)  # fmt: skip
def test_errors_name_the_help_of_their_command(
    call: Callable[..., Outcome], arguments: str, help_call: str
) -> None:
    """A missing argument or unknown option is reported with the call that prints the help."""
    check_refused(call(*arguments.split()), 2, f"; see `upsample {help_call}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [("a b --quality 90%", "invalid --quality '90%'; give a whole number"),
     ("a b --max-ripple 1%", "invalid --max-ripple '1%'; give a number"),
     ("a b --scale 2x", "invalid --scale '2x'; give a number"),
     ("a b --order 3rd", "invalid --order '3rd'; give a whole number"),
     ("train a -o k.npz --taps 7.5", "invalid --taps '7.5'; give a whole number"),
     ("matrix --stride two", "invalid --stride 'two'; give a whole number")],
)  # fmt: skip
def test_invalid_numbers_are_reported_alike(
    call: Callable[..., Outcome], arguments: str, message: str
) -> None:
    """A value that is not a number is reported in the same words for every option."""
    check_refused(call(*arguments.split()), 2, message)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("upsample pho", ["file,pho"]),
        ("upsample mea", ["file,mea", "plain,measure"]),
        ("upsample --max-r", ["plain,--max-ripple"]),
        ("upsample a.png b.png --method bi", ["plain,bilinear", "plain,bicubic"]),
        ("upsample a.png b.png -k uni", ["file,uni", "plain,uniform"]),
        ("upsample a.png b.png --boundary s", ["plain,symmetric"]),
        ("upsample measure pho", ["file,pho"]),
        ("upsample a.png b.png --report x", ["file,x"]),
        ("upsample matrix -k ra", ["file,ra", "plain,random"]),
        ("upsample matrix -o ra", ["file,ra"]),
        ("upsample train a -o ra", ["file,ra"]),
        ("upsample train a --start ph", ["file,ph", "plain,photo"]),
        ("upsample train a --shrink ar", ["plain,area"]),
        ("upsample layer a b --bias b", ["file,b"]),
    ],
)
def test_shells_complete(line: str, expected: list[str]) -> None:
    """Files, commands, options and their values, with and without the main job's name."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    program = shutil.which("upsample", path=Path(sys.executable).parent)
    assert program  # the shell asks it by this name
    done = subprocess.run(
        [program],
        env={**os.environ, **words, "_UPSAMPLE_COMPLETE": "bash_complete"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == expected
