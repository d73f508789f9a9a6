import pytest

from upsample_cli.jobs.runtime import progress


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_bar_is_shown_only_after_a_second(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: float
) -> None:
    """Quick work has no bar; slow work has one, in ASCII, with its unit; all items come through."""
    clock = iter(range(1000))
    monkeypatch.setattr(progress, "perf_counter", lambda: next(clock) * seconds)
    assert list(progress.bar(range(20), 20, "picture")) == list(range(20))
    shown = capsys.readouterr().err
    assert bool(shown) == (seconds > 0)
    assert shown.isascii()
    assert ("picture" in shown) == (seconds > 0)
