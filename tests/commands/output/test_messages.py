import pytest

from upsample_cli.commands.output import messages


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_slow_work_has_a_progress_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: float
) -> None:
    """Slow work has a bar in ASCII with its unit, quick work has none; all items are yielded."""
    clock = iter(range(1000))
    monkeypatch.setattr(messages, "perf_counter", lambda: next(clock) * seconds)
    assert list(messages.with_bar(range(20), 20, "picture")) == list(range(20))
    stderr = capsys.readouterr().err
    assert bool(stderr) == (seconds > 0)
    assert stderr.isascii()
    assert ("picture" in stderr) == (seconds > 0)
