"""`upsample methods`: what there is to choose from."""

from typing import Any

import click

from upsample_cli.commands.options import json_option
from upsample_cli.methods.catalogue import METHODS
from upsample_cli.methods.method import Parameter, parameters


@click.command(short_help="List the methods and their parameters.")
@json_option
def methods(as_json: bool) -> None:
    """List the methods and their parameters."""
    if as_json:
        import json

        for method in METHODS:
            click.echo(
                json.dumps(
                    {
                        "method": method.name,
                        "summary": method.summary,
                        "parameters": [_plain(each) for each in parameters(method)],
                    }
                )
            )
        return
    from upsample_cli.commands.tables import aligned

    rows = [("method", "parameters", "what it does")]
    for method in METHODS:
        options = ", ".join(f"--{each.name.replace('_', '-')}" for each in parameters(method))
        rows.append((method.name, options or "-", method.summary))
    click.echo(aligned(rows))


def _plain(each: Parameter) -> dict[str, Any]:
    return {"name": each.name, "default": each.default, "help": each.help, "values": each.values}
