"""`python -m upsample_cli`: the command `upsample`."""

from upsample_cli.commands.app import main

if __name__ == "__main__":
    main()
