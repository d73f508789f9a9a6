"""The exit codes of every command."""

from collections.abc import Mapping

from upsample_cli.errors import SettingError

DONE = 0
FAILED = 1
USAGE = 2
NOTHING_DONE = 3
OVER_RIPPLE = 4
INTERRUPTED = 130
BROKEN_PIPE = 141


def exit_code_of(tally: Mapping[str, int], is_over: bool) -> int:
    """Return a run's exit code from counts by status and whether a ripple is over the limit."""
    if tally["failed"]:
        return FAILED
    if is_over:
        return OVER_RIPPLE
    return DONE if tally["done"] else NOTHING_DONE


def exit_code_of_error(error: Exception) -> int:
    """Return the exit code of a run that an error ends."""
    return USAGE if isinstance(error, SettingError) else FAILED
