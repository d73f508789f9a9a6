"""The command `upsample`, also as `python -m upsample_cli`."""

from typing import NoReturn

from upsample_cli import process


def main() -> NoReturn:
    """Set up the process, then load and run the command line."""
    process.let_signals_kill()
    process.prepare()
    from upsample_cli.commands import app  # click is slow to import: Ctrl-C must end it silently

    app.main()


if __name__ == "__main__":
    main()
