"""`upsample guide`: print the guides that come with the package, or the manual page."""

from collections.abc import Iterable
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


class RoffFormatter(click.HelpFormatter):
    """A formatter that writes the help of commands with the roff macros of manual pages."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how to call a command."""
        heading = ".br" if prefix else ".SS Usage"  # only the second usage line has a prefix
        self.write(f"{heading}\n.B {_escaped(prog)}\n{_escaped(args)}\n")

    def write_heading(self, heading: str) -> None:
        """Write the title of a group of options."""
        self.write(f".SS {_escaped(heading)}\n")

    def write_paragraph(self) -> None:
        """Begin a paragraph."""
        self.write(".PP\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs; one that begins with a backspace keeps its line breaks."""
        for paragraph in text.split("\n\n"):
            if paragraph.startswith("\b"):
                lines = paragraph.removeprefix("\b\n")
                self.write(f".PP\n.nf\n{_escaped(lines)}\n.fi\n")
            else:
                self.write(f".PP\n{_escaped(paragraph)}\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write options, or commands, with what they do."""
        for name, text in rows:
            self.write(f".TP\n.B {_escaped(name)}\n{_escaped(text)}\n")


def man_page(root: click.Context) -> str:
    """Return the manual page of all commands, in roff; `root` is the context of their group."""
    from importlib.metadata import version  # slow to import, and --help imports this module

    group, formatter = root.command, RoffFormatter()
    assert isinstance(group, click.Group)
    root.info_name = "upsample"  # whatever the program file is called
    formatter.write(f'.TH UPSAMPLE 1 "" "upsample-cli {version("upsample-cli")}"\n')
    formatter.write(f".SH NAME\nupsample \\- {_escaped(group.help or '')}\n.SH DESCRIPTION\n")
    group.format_help(root, formatter)
    for name in group.list_commands(root):
        command = group.get_command(root, name)
        assert command is not None  # it is listed
        formatter.write(f".SH {name.upper()}\n")
        command.format_help(click.Context(command, root, name), formatter)
    return formatter.getvalue()


def _escaped(text: str) -> str:
    """Return a text with the special characters of roff escaped."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in text.splitlines())
