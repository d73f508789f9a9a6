import pytest

from upsample_cli.commands.output import messages


@pytest.mark.parametrize("unit", ["picture", ""])
@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_slow_work_has_a_progress_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: float, unit: str
) -> None:
    """Slow work has a bar in ASCII, in its unit or in per cent; all items are yielded."""
    clock = iter(range(1000))
    monkeypatch.setattr(messages, "perf_counter", lambda: next(clock) * seconds)
    assert list(messages.with_bar(range(20), 20, unit)) == list(range(20))
    stderr = capsys.readouterr().err
    assert bool(stderr) == (seconds > 0)
    assert stderr.isascii()
    assert ("picture" in stderr) == bool(seconds and unit)
    assert ("%|" in stderr) == (seconds > 0)
    assert ("/20" in stderr) == bool(seconds and unit)


@pytest.mark.parametrize(
    ("text", "line"), [("a  b .png", "a  b .png"), ("a\tb", "a\\tb"), ("a\nb", "a b")]
)
def test_a_message_keeps_the_names_in_it(
    capsys: pytest.CaptureFixture[str], text: str, line: str
) -> None:
    """All spaces stay as they are; line breaks alone become spaces, and a tab is escaped."""
    messages.print_message("Error", f"no file {text}; check the path")
    assert capsys.readouterr().err == f"Error: no file {line}; check the path\n"
