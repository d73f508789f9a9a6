"""Label masks on the command line: `--labels`."""

from typing import Any

import click

from upsample_cli.errors import SettingError

labels_option = click.option(
    "--labels", is_flag=True, help="Samples are classes: the largest wins."
)


def check(options: dict[str, Any]) -> None:
    """Refuse what labels have not.

    Args:
        options: All that may have been given.

    Raises:
        SettingError: Names the option.
    """
    for name in ("linear", "quality", "max_ripple"):
        if options[name] not in (None, False):
            raise SettingError(f"--{name.replace('_', '-')} is not for --labels; leave it out")
    if options["alpha"] != "premultiplied":
        raise SettingError("--alpha is not for --labels, which have none; leave it out")
