"""The command `upsample`, also as `python -m upsample_cli`."""

import sys
from typing import NoReturn

from upsample_cli.commands import COMMANDS
from upsample_cli.jobs import process


def main() -> NoReturn:
    """Set the process up, and only then load and run the command line."""
    process.end_at_once()
    process.prepare()
    from upsample_cli.jobs import twin

    words = sys.argv[1:]
    other = twin.begun(words) if words and words[0] not in COMMANDS else None
    from upsample_cli.commands import app

    app.main(other)


if __name__ == "__main__":
    main()
