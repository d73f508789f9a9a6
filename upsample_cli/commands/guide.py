"""`upsample guide`: print the guides that come with the package."""

from pathlib import Path

import click

from upsample_cli.commands.arguments.options import complete_words
from upsample_cli.errors import SettingError, did_you_mean

FOLDER = Path(__file__).parent.parent / "guides"
TOPICS = tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


@click.command(short_help="Read a guide.")
@click.argument("topic", required=False, shell_complete=complete_words(TOPICS))
@click.option("--man", is_flag=True, help="Print the manual page of all commands, in roff.")
@click.pass_context
def guide(context: click.Context, topic: str | None, man: bool) -> None:
    """Print the guide on TOPIC; without a TOPIC, list the guides.

    \b
    upsample guide transposed-convolution
    mkdir -p ~/.local/share/man/man1
    upsample guide --man > ~/.local/share/man/man1/upsample.1
    """  # noqa: D301 # click needs the \b itself
    if man:
        from upsample_cli.commands.output.man_page import man_page

        click.echo(man_page(context.find_root()), nl=False)
        return
    if topic is None:
        for name in TOPICS:
            click.echo(f"{name.ljust(max(map(len, TOPICS)))}  {_text(name).splitlines()[0][2:]}")
        return
    if topic not in TOPICS:
        remedy = did_you_mean(topic, TOPICS) or f"choose {', '.join(TOPICS)}"
        raise SettingError(f"no guide '{topic}'; {remedy}")
    click.echo_via_pager(_text(topic))


def _text(topic: str) -> str:
    """Return the text of a guide, in Markdown."""
    return (FOLDER / f"{topic}.md").read_text(encoding="utf-8")
