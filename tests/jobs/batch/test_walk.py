import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import Bucket

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.remote import RemoteFolder
from upsample_cli.jobs.batch.walk import Globs, Listing, walk

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
    assert [listing.files for listing in entered] == [[], ["a/2.png"]]


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


def test_links_do_not_multiply(tmp_path: Path) -> None:
    """Two links to a folder of two links to a folder, and so on, are refused; a few are taken."""
    for depth in range(16):
        (tmp_path / f"d{depth}").mkdir()
        for name in ("x", "y") if depth else ():
            (tmp_path / f"d{depth}" / name).symlink_to(tmp_path / f"d{depth - 1}")
    (tmp_path / "d0" / "p.png").touch()
    assert len(list(walk(Folder(str(tmp_path / "d5")), Globs()))) == 32
    with pytest.raises(ImageFileError, match=r"links lead to the folder .* more than 100 ways"):
        list(walk(Folder(str(tmp_path / "d15")), Globs()))


def test_many_stars_take_no_time() -> None:
    """A pattern of many stars is decided at once; trying all their lengths would take hours."""
    name = "a" * 255
    assert not Globs(include=("a*" * 12 + "b",)).includes(name)
    assert Globs(include=("a*" * 12 + "b",)).includes(f"{name}b")


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
    """A named pipe among the pictures, or a link to one, is none of them."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("pipe.png")
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


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.jpg", ["a.jpg", "a/b/c.JPG", ".jpg", "a.jpg/b"], ["a.jpeg", "ajpg"]),
        ("a/*.jpg", ["a/b.jpg"], ["b.jpg", "a/b/c.jpg", "c/a/b.jpg"]),
        ("/top.png", ["top.png"], ["a/top.png"]),
        ("**/x.png", ["x.png", "a/b/x.png"], ["ax.png"]),
        ("a/**", ["a/b", "a/b/c.png"], ["b/a"]),
        ("a/**/c.png", ["a/c.png", "a/b/b/c.png"], ["ac.png"]),
        ("img_??.png", ["img_01.png"], ["img_1.png", "img_001.png"]),
        ("[0-9]*.png", ["1a.png"], ["a1.png"]),
        ("[!0-9]*.png", ["a1.png"], ["1a.png"]),
        ("a+(b).png", ["a+(b).png"], ["aab.png"]),
        ("thumbs", ["thumbs", "a/thumbs", "thumbs/a.png"], ["thumbs.png"]),
        ("./a.png", ["a.png", "b/a.png"], ["aXpng"]),
        ("#1.png", ["#1.png"], ["1.png"]),
        ("!1.png", ["!1.png"], ["1.png"]),
        ("a ", ["a ", "b/a "], ["a", "a  "]),
        ("a\\ ", ["a "], ["a", "a\\ "]),
        ("thumbs[!0-9]", ["thumbsa", "b/thumbs-"], ["thumbs", "thumbs/a.png", "thumbs1"]),
        ("a[^b]c", ["axc", "a^c"], ["abc", "a/c"]),
        ("a[.-9]c", ["a.c", "a5c"], ["a/c", "a-c"]),
        ("[[:digit:]]x", ["1x", "a/2x"], ["ax", ":x", "dx"]),
        ("a[[:upper:]_-]b", ["aXb", "axb", "a_b", "a-b"], ["a1b", "ab"]),
        ("a[![:alnum:]]b", ["a-b", "a b"], ["axb", "a1b", "a/b"]),
        ("a[\\]]b", ["a]b"], ["a\\b", "a\\]b"]),
        ("a[]x]b", ["a]b", "axb"], ["a[b", "ab"]),
        ("a[b\\-d]e", ["abe", "a-e", "ade"], ["ace"]),
        ("a[--9]b[+--]", ["a-b,", "a1b-"], ["a,b-", "a-b."]),
        ("a\\[b]", ["a[b]"], ["ab", "a\\b"]),
        ("[ab]*[!c]x[12]", ["aax1", "b-dx2"], ["acx1", "aax3"]),
    ],
)
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    """A pattern matches as in .gitignore, upper and lower case alike, both ways round.

    `git check-ignore` with core.ignorecase agrees, but for "./", "#" and "!" at the start and a
    space at the end.
    """
    for path in yes:
        assert Globs(include=(pattern,)).includes(path), path
        assert Globs(exclude=(pattern,)).excludes_folder(path), path
    for path in no:
        assert not Globs(include=(pattern,)).includes(path), path
        assert not Globs(exclude=(pattern,)).excludes_folder(path), path


def test_exclusion_goes_before_inclusion() -> None:
    """What matches both is left; without patterns everything is taken."""
    globs = Globs(include=("*.png", "*.jpg"), exclude=("b*",))
    assert [name for name in ("a.png", "b.png", "c.jpg", "d.gif") if globs.includes(name)] == [
        "a.png", "c.jpg",
    ]  # fmt: skip
    assert Globs().includes("anything")


def test_a_pattern_with_a_slash_at_its_end_is_for_folders() -> None:
    """A file of the same name is taken; all that is in such a folder is left out."""
    globs = Globs(exclude=("thumbs/",))
    assert globs.excludes_folder("a/thumbs")
    assert globs.includes("a/thumbs")
    assert not globs.includes("a/thumbs/b.png")


@pytest.mark.parametrize("pattern", ["a\\", "[z-a]", "[[:digits:]]"])
def test_a_pattern_that_cannot_be_is_refused(pattern: str) -> None:
    """An escape of nothing and a range that runs backwards are errors of ours."""
    with pytest.raises(SettingError, match=r"invalid pattern in .* \(.*\); write patterns as in"):
        Globs(include=(pattern,)).includes("a")
