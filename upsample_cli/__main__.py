"""The command `upsample`, also as `python -m upsample_cli`."""

from typing import NoReturn

from upsample_cli.jobs import process


def main() -> NoReturn:
    """Set the process up, and only then load and run the command line."""
    process.prepare()
    from upsample_cli.commands import app

    app.main()


if __name__ == "__main__":
    main()
