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
