import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import Bucket

from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.remote import RemoteFolder
from upsample_cli.jobs.batch.globs import Globs
from upsample_cli.jobs.batch.walk import Listing, walk

NAMES = st.text("ab.-1", min_size=1, max_size=3).filter(lambda name: name.strip("."))


@given(st.sets(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=8))
def test_files_come_as_sorted_paths(tmp_path_factory: pytest.TempPathFactory, paths: set[str]
                                    ) -> None:  # fmt: skip
    """The order is that of sorted paths, level by level, without those that are hidden."""
    top = tmp_path_factory.mktemp("top")
    for path in paths:
        place = top / path
        if not any(each.is_file() for each in [place, *place.parents]) and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    inside = (path.relative_to(top) for path in sorted(top.rglob("*")) if path.is_file())
    expected = [path.as_posix() for path in inside if not any(p[0] == "." for p in path.parts)]
    assert list(walk(Folder(str(top)), Globs())) == expected


def test_excluded_folders_are_not_entered(tmp_path: Path) -> None:
    """A pattern that fits a folder leaves all that is in it, and nobody looks there."""
    for name in ("a/thumbs/1.png", "a/2.png", "thumbs/deep/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    entered: list[Listing] = []
    found = list(walk(Folder(str(tmp_path)), Globs(exclude=("thumbs",)), entered.append))
    assert found == ["a/2.png"]
    assert [listing.prefix for listing in entered] == ["", "a/"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    """A linked folder's files are found once, one that leads back is not entered again."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.png").touch()
    top = tmp_path / "top"
    top.mkdir()
    (top / "link").symlink_to(tmp_path / "other")
    (top / "loop").symlink_to(top)
    (tmp_path / "other" / "back").symlink_to(top)
    assert list(walk(Folder(str(top)), Globs())) == ["link/x.png"]


def test_what_cannot_be_read_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to nothing and a folder without permission are yielded, so that they are told of."""
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "locked").mkdir()
    really = os.scandir

    def scandir(path: str) -> object:
        """Stand in for permissions, which the administrator does not meet."""
        if str(path).endswith("locked"):
            raise PermissionError
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list(walk(Folder(str(tmp_path)), Globs())) == ["gone.png", "locked"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on POSIX only")
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    """A named pipe among the pictures is none of them."""
    os.mkfifo(tmp_path / "pipe.png")
    assert list(walk(Folder(str(tmp_path)), Globs())) == []


def test_a_link_to_itself_costs_no_other(tmp_path: Path) -> None:
    """A link that leads nowhere but to itself is yielded as one to nothing is."""
    (tmp_path / "a.png").touch()
    (tmp_path / "round.png").symlink_to("round.png")
    assert list(walk(Folder(str(tmp_path)), Globs())) == ["a.png", "round.png"]


def test_folders_without_a_name_are_counted(bucket: Bucket) -> None:
    """Keys with two slashes side by side, which no path can name, are left out as hidden ones."""
    for key in ("in/a.png", "in//b.png", "in/", "in/.c.png"):
        bucket.put(key, b"")
    entered: list[Listing] = []
    assert list(walk(RemoteFolder(f"{bucket.url}/in"), Globs(), entered.append)) == ["a.png"]
    assert [listing.hidden for listing in entered] == [2]
