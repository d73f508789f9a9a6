"""Errors of usage that click notices, in the form of ours: `fact; remedy`."""

import re

import click

_RANGES = ((r"([\d.]+)<=x<=([\d.]+)", r"\1 to \2"), (r"x>=([\d.]+)", r"\1 or more"))


def text_of(error: click.ClickException, help_call: str) -> str:
    """Return the text of an error.

    Args:
        error: What click raised.
        help_call: The call that prints the help of the command.
    """
    if isinstance(error, click.NoSuchOption):
        near = " or ".join(f"'{name}'" for name in error.possibilities or ())
        remedy = f"did you mean {near}?" if near else f"see `{help_call}`"
        return f"no option '{error.option_name}'; {remedy}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        is_option = isinstance(error.param, click.Option)
        name = _name(error.param) if is_option else error.param.human_readable_name
        return f"{name} is missing; see `{help_call}`"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_value(_name(error.param), error.message.rstrip("."), help_call)
    text = error.format_message().rstrip(".")
    text = re.sub(r"^Option '(.*)' requires an argument$", r"\1 needs a value", text)
    return text if ";" in text else f"{text}; see `{help_call}`"


def _bad_value(option: str, message: str, help_call: str) -> str:
    """Return what is wrong with the value of an option, and what to give."""
    if match := re.fullmatch(r"'(.*)' is not one of (.*)", message, re.DOTALL):
        return f"invalid {option} '{match[1]}'; choose {match[2].replace(chr(39), '')}"
    if match := re.fullmatch(r"(.*) is not in the range (.*)", message):
        limits = match[2]
        for pattern, words in _RANGES:
            limits = re.sub(f"^{pattern}$", words, limits)
        return f"{option} {match[1]} is out of range; give {limits}"
    if match := re.fullmatch(r"'(.*)' is not a valid (.*)", message, re.DOTALL):
        kind = {"integer": "a whole number", "number": "a number"}.get(match[2], f"a {match[2]}")
        return f"invalid {option} '{match[1]}'; give {kind}"
    return message if ";" in message else f"{option}: {message}; see `{help_call}`"


def _name(param: click.Parameter) -> str:
    """Return the long name of an option; another where it has none."""
    return next((name for name in param.opts if name.startswith("--")), param.opts[0])
