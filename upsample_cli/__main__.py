"""The command `upsample`, also as `python -m upsample_cli`."""

import sys

from upsample_cli.commands import COMMANDS
from upsample_cli.jobs import forked

TYPE_CHECKING = False
if TYPE_CHECKING:  # whose own module takes a tenth of a start, before the fork
    from typing import NoReturn


def main() -> "NoReturn":
    """Fork where that pays, set the process up, and only then load and run the command line."""
    words = sys.argv[1:]
    other = forked.begun(words) if words and words[0] not in COMMANDS else None
    from upsample_cli.jobs.runtime import process

    process.end_at_once()
    process.prepare()
    from upsample_cli.commands import app

    if other is None:
        app.main()
    from upsample_cli.jobs.twin import Twin

    app.main(Twin(*other))


if __name__ == "__main__":
    main()
