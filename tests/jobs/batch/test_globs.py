import pytest

from upsample_cli.jobs.batch.globs import Globs


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.jpg", ["a.jpg", "a/b/c.JPG", ".jpg"], ["a.jpeg", "a.jpg/b", "ajpg"]),
        ("a/*.jpg", ["a/b.jpg"], ["b.jpg", "a/b/c.jpg", "c/a/b.jpg"]),
        ("/top.png", ["top.png"], ["a/top.png"]),
        ("**/x.png", ["x.png", "a/b/x.png"], ["ax.png"]),
        ("a/**", ["a/b", "a/b/c.png"], ["a", "b/a"]),
        ("a/**/c.png", ["a/c.png", "a/b/b/c.png"], ["ac.png"]),
        ("img_??.png", ["img_01.png"], ["img_1.png", "img_001.png"]),
        ("[0-9]*.png", ["1a.png"], ["a1.png"]),
        ("[!0-9]*.png", ["a1.png"], ["1a.png"]),
        ("a+(b).png", ["a+(b).png"], ["aab.png"]),
        ("thumbs/", ["thumbs", "a/thumbs"], ["thumbs.png"]),
        ("./a.png", ["a.png", "b/a.png"], ["aXpng"]),
    ],
)
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    """A pattern matches as in .gitignore, upper and lower case alike, both ways round."""
    for path in yes:
        assert Globs(include=(pattern,)).takes(path), path
        assert Globs(exclude=(pattern,)).leaves(path), path
    for path in no:
        assert not Globs(include=(pattern,)).takes(path), path
        assert not Globs(exclude=(pattern,)).leaves(path), path


def test_exclusion_goes_before_inclusion() -> None:
    """What matches both is left; without patterns everything is taken."""
    globs = Globs(include=("*.png", "*.jpg"), exclude=("b*",))
    assert [name for name in ("a.png", "b.png", "c.jpg", "d.gif") if globs.takes(name)] == [
        "a.png", "c.jpg",
    ]  # fmt: skip
    assert Globs().takes("anything")
