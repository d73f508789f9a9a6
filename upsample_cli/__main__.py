"""The command `upsample`, also as `python -m upsample_cli`."""

from typing import NoReturn

from upsample_cli import process


def main() -> NoReturn:
    """Set the process up, and only then load and run the command line."""
    process.let_signals_kill()
    process.prepare()
    from upsample_cli.commands import app  # after the signals are handled: click is large

    app.main()


if __name__ == "__main__":
    main()
