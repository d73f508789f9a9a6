"""The help of the main job, with its options in groups."""

from collections.abc import Mapping

import click

from upsample_cli.methods.catalogue import METHODS

_PARAMETERS = tuple(dict.fromkeys(item.name for one in METHODS for item in one.parameters()))
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Size": ("scale", "size", "fit"),
    "Method": ("method", *_PARAMETERS, "boundary"),
    "Colour and transparency": ("linear", "alpha", "background"),
    "Output": ("format", "quality", "compression", "lossless", "strip", "force"),
    "Folders": (
        "include", "exclude", "files_from", "null", "name", "skip_existing", "update", "jobs",
        "cluster", "dry_run",
    ),
    "Report": ("report", "no_report", "as_json", "max_ripple", "quiet"),
    "Limits": ("max_pixels", "max_memory", "strict"),
    "Masks and feature maps": ("labels", "layout"),
}  # fmt: skip
"""The names of options by the group in which the help has them."""


class GroupedCommand(click.Command):
    """A command whose help has its options in `GROUPS`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each group under its title, in the order of its names."""
        records = {
            option.name: record
            for option in self.get_params(ctx)
            if isinstance(option, click.Option)
            and (record := option.get_help_record(ctx)) is not None
        }
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([records.pop(name) for name in names])
        with formatter.section("Other"):
            formatter.write_dl([("-V, --version", "Show the version and exit."), *records.values()])
