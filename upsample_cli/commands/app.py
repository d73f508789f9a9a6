"""The group of commands; errors that end a run become messages and exit codes here."""

import os
import re
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from upsample_cli import memory, process
from upsample_cli.commands import COMMANDS
from upsample_cli.commands.exit_codes import (
    BROKEN_PIPE,
    FAILED,
    INTERRUPTED,
    OUT_OF_MEMORY,
    exit_code_of_error,
)
from upsample_cli.commands.output.messages import print_message
from upsample_cli.errors import SettingError, UpsampleError


class _App(click.Group):
    """A group of commands that runs `upsample`, the main one, if no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the main command's name before arguments that do not begin with a command."""
        if not args or args[0] in {"upsample", *COMMANDS, "--version", "-V"}:
            return super().parse_args(ctx, args)
        words = args[: args.index("--")] if "--" in args else args
        if {"-h", "--help"} & set(words):
            return super().parse_args(ctx, ["--help"])
        _refuse_misspelt_command(args[0])
        return super().parse_args(ctx, ["upsample", *args])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end silently if the program that reads standard output has closed it."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click sets none if an option lacks its value
            raise
        except BrokenPipeError:
            # Flushing the rest of the buffer must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return BROKEN_PIPE

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the main command's help, then the list of the other commands."""
        upsample = self.get_command(ctx, "upsample")
        assert upsample is not None  # it always exists
        context = click.Context(upsample, info_name=ctx.info_name, **upsample.context_settings)
        upsample.format_help(context, formatter)
        self.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Offer the commands, and the main command's options and files, as it needs no name."""
        main = self.get_command(ctx, "upsample")
        assert main is not None  # it always exists
        context = click.Context(main, parent=ctx, resilient_parsing=True)
        of_main = main.shell_complete(context, incomplete)
        if not incomplete.startswith("-"):
            of_main = main.params[0].shell_complete(context, incomplete)
        return [*of_main, *super().shell_complete(ctx, incomplete)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands but the main one."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with a name, or None if there is no such command."""
        if cmd_name not in ("upsample", *COMMANDS):
            return None
        command = getattr(import_module(f"upsample_cli.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command


def _refuse_misspelt_command(word: str) -> None:
    """Refuse a first argument that is not a file but resembles the name of a command."""
    if word.isalpha() and not os.path.lexists(word):
        from difflib import get_close_matches  # few runs need it

        for name in get_close_matches(word.lower(), COMMANDS, 1, 0.7):
            raise SettingError(f"no command or file '{word}'; did you mean `upsample {name}`?")


@click.group(
    cls=_App,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(None, "-V", "--version", package_name="upsample-cli", prog_name="upsample")
@click.pass_context
def app(ctx: click.Context) -> None:
    """Enlarge pictures, and say how much checkerboard is in the result."""
    if ctx.invoked_subcommand is None:
        if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)):
            raise SettingError("name an input and an output; for a pipe, upsample - -")
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """Run the command line and exit with its code; call `process.prepare` before."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may hold any character
    process.let_signals_unwind()
    code = _run()
    process.let_signals_kill()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # the disk is full, or the stream was never open
            stream.flush()
    os._exit(code)  # a normal exit of Python takes longer than a small picture


def _run() -> int:
    try:
        memory.check_address_space()
        with process.exiting_on_signal():
            code: Any = app(standalone_mode=False)
    except UpsampleError as error:
        print_message("Error", str(error))
        return exit_code_of_error(error)
    except click.ClickException as error:
        print_message("Error", _text_of(error, _help_of(error)))
        return error.exit_code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else FAILED
    except (KeyboardInterrupt, click.Abort) as stop:
        if isinstance(stop.__cause__, EOFError):  # click turns it into an Abort
            raise stop.__cause__ from None
        print_message("Error", "interrupted; no output is half-written")
        return INTERRUPTED
    except MemoryError:
        print_message("Error", OUT_OF_MEMORY)
        return FAILED
    except OSError as error:  # not from a picture's file: that raises an UpsampleError
        if _is_from_echo(error):
            print_message(
                "Error", f"cannot write standard output: {error.strerror}; write to a file"
            )
        else:
            print_message("Error", f"the system reports: {error}; fix that and try again")
        return FAILED
    return code if isinstance(code, int) else 0


def _help_of(error: click.ClickException) -> str:
    """Return the command line that prints the help of the command that was misused."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    name = (context.invoked_subcommand or context.info_name) if context else None
    return f"upsample {name} --help" if name in COMMANDS else "upsample --help"


def _text_of(error: click.ClickException, help_call: str) -> str:
    """Return the text of click's error in the form of ours, `fact; remedy`."""
    if isinstance(error, click.NoSuchOption):
        near = " or ".join(f"'{name}'" for name in error.possibilities or ())
        remedy = f"did you mean {near}?" if near else f"see `{help_call}`"
        # For a file called -rf.jpg, click reports its first letter that is no option: -r.
        options = (word for word in sys.argv if word[:1] == "-" and error.option_name[1:] in word)
        if file := next(filter(os.path.lexists, options), None):
            remedy = f"for the file, write ./{file}"
        return f"no option '{error.option_name}'; {remedy}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        is_option = isinstance(error.param, click.Option)
        name = _name(error.param) if is_option else error.param.human_readable_name.rstrip(".")
        return f"{name} is missing; see `{help_call}`"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_value(_name(error.param), error.message.rstrip("."), help_call)
    text = error.format_message().rstrip(".")
    text = re.sub(r"^Option '(.*)' requires an argument$", r"\1 needs a value", text)
    text = re.sub(r"^Got unexpected extra arguments? \((.*)\)$", r"unexpected argument '\1'", text)
    return text if ";" in text else f"{text}; see `{help_call}`"


def _bad_value(option: str, message: str, help_call: str) -> str:
    """Return what is wrong with the value of an option, and what to give instead."""
    if match := re.fullmatch(r"'(.*)' is not one of (.*)", message, re.DOTALL):
        return f"invalid {option} '{match[1]}'; choose {match[2].replace(chr(39), '')}"
    if match := re.fullmatch(r"(.*) is not in the range (.*)", message):
        return f"{option} {match[1]} is out of range; give {match[2]}"
    if match := re.fullmatch(r"'(.*)' is not a valid (.*)", message, re.DOTALL):
        kind = {"integer": "a whole number", "number": "a number"}.get(match[2], f"a {match[2]}")
        return f"invalid {option} '{match[1]}'; give {kind}"
    return message if ";" in message else f"{option}: {message}; see `{help_call}`"


def _name(param: click.Parameter) -> str:
    """Return the long name of a parameter, or its first name if it has no long one."""
    return next((name for name in param.opts if name.startswith("--")), param.opts[0])


def _is_from_echo(error: OSError) -> bool:
    """Return whether an error was raised by `click.echo`, which prints the results."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code is not click.echo.__code__:
        trace = trace.tb_next
    return trace is not None
