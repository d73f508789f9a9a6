import os
from pathlib import Path

import pytest
from objects import Bucket

from upsample_cli.errors import SettingError
from upsample_cli.images.places.place import parse, parse_file
from upsample_cli.jobs.batch.outputs import Naming, Outputs, State


@pytest.mark.parametrize(
    ("field", "scale", "expected"),
    [
        ("{scale}", 2.0, "2"), ("{scale}", 4 / 3, "1.33333"), ("{scale:02}", 2.0, "02"),
        ("{scale:.1f}", 2.0, "2.0"), ("{scale:04}", 1.5, "01.5"), ("{scale:d}", 10.0, "10"),
    ],
)  # fmt: skip
def test_the_scale_in_a_name_is_a_number(field: str, scale: float, expected: str) -> None:
    """It may have a format, as Python has it for numbers."""
    assert Naming(None, "{stem}" + field, scale).output("a.png") == f"a{expected}"


@pytest.mark.parametrize(
    ("name", "template", "expected"),
    [
        ("a.qoi", "{stem}.png", "a.png"), ("b.PCX", "{stem}", "b"),
        ("c.ico", "{stem}{suffix}", "c.png"),
        ("ico", "{stem}{suffix}", "ico.png"), (".ico", "{stem}{suffix}", ".ico.png"),
        ("d.txt", "{stem}{suffix}", "d.txt.png"), ("e.2026", "{stem}{suffix}", "e.2026.png"),
    ],
)  # fmt: skip
def test_a_stem_has_no_suffix_of_a_picture(name: str, template: str, expected: str) -> None:
    """It is the same whether the format can be written; what may be no suffix stays."""
    assert Naming(None, template).output(name) == expected


@pytest.mark.parametrize(
    ("field", "scale"),
    [("{scale:d}", 1.5), ("{scale:s}", 2.0), ("{scale:{stem}}", 2.0), ("{suffix:{stem}}", 2.0)],
)
def test_a_format_that_does_not_fit_is_refused(field: str, scale: float) -> None:
    """A format that a field cannot have, such as a file's name, is an error before any work."""
    with pytest.raises(SettingError, match=r"invalid --name .*; use fields such as \{stem\}"):
        Naming(None, "{stem}" + field, scale)


@pytest.mark.parametrize(("seconds", "known"), [(None, "missing"), (-5, "older"), (5, "there")])
def test_an_output_is_there_and_perhaps_older(
    tmp_path: Path, seconds: int | None, known: State
) -> None:
    """Files are looked at; which is older is told only where that matters."""
    source, to = tmp_path / "in", tmp_path / "out"
    source.touch()
    if seconds is not None:
        to.touch()
        os.utime(to, (source.stat().st_mtime + seconds,) * 2)
    assert Outputs().state(parse(source), parse(to), "update") == known
    undated = Outputs().state(parse(source), parse(to), "skip")
    assert undated == known.replace("older", "there")
    assert Outputs().state(parse(source), parse(to), "replace") == "missing"
    assert Outputs().is_there(parse(to)) == (known != "missing")


def test_an_input_that_is_missing_makes_no_output_older(tmp_path: Path) -> None:
    """Whoever reads it tells that it is missing."""
    (tmp_path / "out").touch()
    state = Outputs().state(parse(tmp_path / "in"), parse(tmp_path / "out"), "update")
    assert state == "there"


def test_objects_are_known_by_one_listing(bucket: Bucket) -> None:
    """However many outputs there are, what lies beside them is listed once."""
    for number in range(5):
        bucket.put(f"out/{number}", b"")
    bucket.server.requests.clear()
    outputs = Outputs()
    found = [outputs.is_there(parse_file(f"{bucket.url}/out/{number}")) for number in range(9)]
    assert found == [True] * 5 + [False] * 4
    assert outputs.state(parse("in/0"), parse_file(f"{bucket.url}/out/0"), "skip") == "there"
    assert len(bucket.server.requests) == 1
