"""What the command line says to mistakes: golden texts, read by people before they were stored."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from mistakes import mistakes, write_files
from terminal import Outcome


@pytest.mark.parametrize(("words", "shown"), mistakes(), ids=[words for words, _ in mistakes()])
def test_a_mistake_is_answered_in_these_words(
    call: Callable[..., Outcome], folder: Path, words: str, shown: str
) -> None:
    """One line says what is wrong, the value, and what to do; then the exit code."""
    write_files(folder)
    outcome = call(*shlex.split(words))
    assert f"{outcome.err}{outcome.out.decode()}({outcome.code})\n" == shown
