"""`upsample guide`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Outcome, check_refused

from upsample_cli.commands.guide import FOLDER, TOPICS

Call = Callable[..., Outcome]


def test_the_topics_are_listed(call: Call) -> None:
    """Without a topic there is a line for each guide, with its title."""
    lines = call("guide").out.decode().splitlines()
    assert [line.split()[0] for line in lines] == list(TOPICS)
    assert any(line.endswith("What a transposed convolution is") for line in lines)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_guide_is_printed_whole(call: Call, topic: str) -> None:
    """As it stands in its file; where nobody looks at a terminal, without a pager."""
    outcome = call("guide", topic)
    assert outcome.code == 0
    assert outcome.out.decode().rstrip() == (FOLDER / f"{topic}.md").read_text().rstrip()


def test_a_wrong_topic_is_refused(call: Call) -> None:
    """The error has the nearest one, or all."""
    check_refused(call("guide", "metrics"), 2, "no guide 'metrics'; did you mean 'metric'?")
    check_refused(call("guide", "xyz"), 2, "choose audit, ")


def test_guides_are_in_the_package() -> None:
    """Each is a file of Markdown with one title."""
    for path in Path(FOLDER).iterdir():
        assert path.suffix == ".md"
        assert path.read_text().startswith("# ")
