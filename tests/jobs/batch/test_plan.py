import tracemalloc
from pathlib import Path
from shutil import rmtree

import PIL.Image
import pytest
from objects import Bucket

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places import store
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import parse
from upsample_cli.jobs.batch import plan, walk
from upsample_cli.jobs.batch.outputs import Naming
from upsample_cli.jobs.batch.walk import Globs


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a folder with pictures at two levels, hidden files and a text."""
    top = tmp_path / "in"
    (top / "deep" / "er").mkdir(parents=True)
    (top / ".hidden").mkdir()
    picture = PIL.Image.new("RGB", (4, 3), "red")
    for name in ("b.png", "a.jpg", "deep/er/c.ico", ".hidden/d.png", ".e.png"):
        picture.resize((16, 16)).save(top / name)
    (top / "notes.txt").write_text("no picture")
    return top


def names(made: plan.Plan, top: Path, goal: Path) -> list[tuple[str, str]]:
    return [
        (Path(source.path).relative_to(top).as_posix(), Path(to.path).relative_to(goal).as_posix())
        for source, to in made.pairs()
    ]


def of_folder(tree: Path, goal: Path, format: str | None = None, **globs: tuple[str, ...]
              ) -> plan.Plan:  # fmt: skip
    return plan.of_places([Folder(str(tree))], Folder(str(goal)), Naming(format), Globs(**globs))


def test_a_plan_keeps_the_tree_in_order(tree: Path, tmp_path: Path) -> None:
    """Each file keeps its place and, where it can be written, its suffix; hidden ones stay out."""
    goal = tmp_path / "out"
    made = of_folder(tree, goal)
    assert names(made, tree, goal) == [
        ("a.jpg", "a.jpg"),
        ("b.png", "b.png"),
        ("deep/er/c.ico", "deep/er/c.ico.png"),
        ("notes.txt", "notes.txt.png"),
    ]
    assert (made.count, made.hidden) == (4, 2)
    assert not goal.exists()


def test_a_plan_can_be_read_again(tree: Path, tmp_path: Path) -> None:
    """It is made anew each time, and is the same."""
    made = of_folder(tree, tmp_path / "out")
    assert list(made.pairs()) == list(made.pairs())


def test_a_folder_that_vanishes_costs_no_other(tree: Path, tmp_path: Path) -> None:
    """A folder that is deleted after it was counted becomes a pair, which fails when it is read."""
    others = tmp_path / "a", tmp_path / "z"
    for other in others:
        other.mkdir()
        (other / "p.png").touch()
    folders = [Folder(str(folder)) for folder in (others[0], tree, others[1])]
    made = plan.of_places(folders, Folder(str(tmp_path / "out")), Naming(), Globs())
    rmtree(tree)
    sources = [source for source, _ in made.pairs()]
    assert [source.path for source in sources] == [
        str(others[0] / "p.png"), str(tree), str(others[1] / "p.png"),
    ]  # fmt: skip
    with pytest.raises(ImageFileError, match=r"no file .*/in; check the path"):
        sources[1].open()


def test_a_store_that_fails_costs_no_other(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix that is not listed again becomes a pair, which fails when it is read."""
    for key in ("in/a.png", "in/sub/b.png", "in/z.png"):
        bucket.put(key, b"")
    planned = plan.of_places([parse(f"{bucket.url}/in")], Folder("out"), Naming("webp"), Globs())
    files = store.file_system(bucket.url)
    listed, refused = files.ls, {f"{bucket.url}/in/sub"}

    def ls(path: str, detail: bool) -> list[dict[str, object]]:
        """Refuse some prefixes."""
        if path in refused:
            raise OSError("slow down")
        return listed(path, detail=detail)

    monkeypatch.setattr(files, "ls", ls)
    assert [(source.path.removeprefix(bucket.url), to.path) for source, to in planned.pairs()] == [
        ("/in/a.png", "out/a.webp"), ("/in/sub/", "out/sub.webp"), ("/in/z.png", "out/z.webp"),
    ]  # fmt: skip
    refused.add(f"{bucket.url}/in")
    ((source, to),) = planned.pairs()
    assert (source.path, to.path) == (f"{bucket.url}/in/", "out/in.webp")
    with pytest.raises(ImageFileError, match=r"cannot list .*/in/: slow down; check the address"):
        source.open()


def test_a_format_is_for_every_output(tree: Path, tmp_path: Path) -> None:
    """With a format every output has its suffix."""
    goal = tmp_path / "out"
    outputs = [to for _, to in names(of_folder(tree, goal, "webp"), tree, goal)]
    assert outputs == ["a.webp", "b.webp", "deep/er/c.webp", "notes.txt.webp"]


def test_globs_choose(tree: Path, tmp_path: Path) -> None:
    """Only what is included and not excluded is planned and counted."""
    made = of_folder(tree, tmp_path / "out", include=("*.png", "*.ico"), exclude=("deep/",))
    assert (names(made, tree, tmp_path / "out"), made.count) == ([("b.png", "b.png")], 1)


@pytest.mark.parametrize(("other", "format"), [("a.png", "webp"), ("notes.txt.png", None)])
def test_collisions_are_found_before_any_work(
    tree: Path, tmp_path: Path, other: str, format: str | None
) -> None:
    """Two inputs that would become one output are named, and nothing is done."""
    PIL.Image.new("L", (4, 4)).save(tree / other)
    with pytest.raises(ImageFileError, match=r"/in/.* and .*/in/.* would both become .*/out/"):
        of_folder(tree, tmp_path / "out", format)


def test_equal_names_in_two_folders_do_not_collide(tree: Path, tmp_path: Path) -> None:
    """The tree is kept, so that only brothers can meet."""
    PIL.Image.new("L", (4, 4)).save(tree / "deep" / "b.png")
    assert of_folder(tree, tmp_path / "out").count == 5


def test_outputs_within_the_input_are_refused(tree: Path) -> None:
    """A folder is not enlarged into itself, where its outputs would be inputs next time."""
    for goal in (tree, tree / "out"):
        with pytest.raises(ImageFileError, match=r"is inside .*; name a folder outside"):
            of_folder(tree, goal)


def test_a_file_is_no_folder_to_write_to(tree: Path, tmp_path: Path) -> None:
    """The output of a folder is a folder."""
    (tmp_path / "out").write_text("")
    with pytest.raises(ImageFileError, match=r"out is a file; name a folder"):
        of_folder(tree, tmp_path / "out")


def test_a_link_to_itself_is_no_place_within(tree: Path, tmp_path: Path) -> None:
    """An output folder that cannot be there is left to whoever makes it."""
    (tmp_path / "out").symlink_to("out")
    assert of_folder(tree, tmp_path / "out").count == 4


def test_files_and_folders_side_by_side(tree: Path, tmp_path: Path) -> None:
    """Files go into the folder by their names, folders with theirs, as `cp -r` has it."""
    sources = [str(tree / "deep" / "er" / "c.ico"), str(tree / "deep")]
    made = plan.of_places(
        list(map(parse, sources)), Folder(str(tmp_path / "out")), Naming(), Globs()
    )
    assert [to.path for _, to in made.pairs()] == [
        f"{tmp_path}/out/c.ico.png",
        f"{tmp_path}/out/deep/er/c.ico.png",
    ]
    assert made.count == 2


def test_listed_files_keep_their_folders(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path keeps its folders; what lies elsewhere is known by its name."""
    monkeypatch.chdir(tree)
    sources = ["deep/er/c.ico", "./b.png", str(tree / "a.jpg"), "../other/x.png"]
    made = plan.of_places(list(map(parse, sources)), Folder("../out"), Naming(), Globs(), tree=True)
    assert [(source.path, to.path) for source, to in made.pairs()] == [
        ("deep/er/c.ico", "../out/deep/er/c.ico.png"),
        ("./b.png", "../out/b.png"),
        (str(tree / "a.jpg"), "../out/a.jpg"),
        ("../other/x.png", "../out/x.png"),
    ]


@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_list_of_folders_and_their_files_names_each_once(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_absolute: bool
) -> None:
    """The output of `find`, which names folders and the files in them, takes each file once."""
    monkeypatch.chdir(tmp_path)
    (tree / "gone.png").symlink_to("nothing")
    found = [".", *(path.relative_to(tree).as_posix() for path in sorted(tree.rglob("*")))]
    sources = [f"in/{path}" for path in found]
    sources += [str(tmp_path / path) for path in sources if is_absolute]
    made = plan.of_places(list(map(parse, sources)), Folder("out"), Naming(), Globs(), tree=True)
    outputs = [to.path for _, to in made.pairs()]
    assert sorted(outputs) == [
        "out/in/.e.png", "out/in/.hidden/d.png", "out/in/a.jpg", "out/in/b.png",
        "out/in/deep/er/c.ico.png", "out/in/gone.png", "out/in/notes.txt.png",
    ]  # fmt: skip
    assert made.count == len(outputs)
    assert [to.path for _, to in made.pairs()] == outputs


def test_one_folder_named_twice_is_one(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and its absolute path become the output folder itself, as one of them does."""
    monkeypatch.chdir(tree.parent)
    made = plan.of_places([parse("in"), parse(str(tree))], Folder("out"), Naming(), Globs())
    assert next(made.pairs())[1].path == "out/a.jpg"
    assert made.count == 4


def test_named_files_that_meet_are_refused(tmp_path: Path) -> None:
    """Two files of one name do not replace each other in silence."""
    with pytest.raises(ImageFileError, match=r"a/x.png and b/x.png would both become out/x.png"):
        plan.of_places([parse("a/x.png"), parse("b/x.png")], Folder("out"), Naming(), Globs())


def test_a_plan_holds_one_folder_of_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty folders of a thousand names take no more memory than two of them: a plan streams."""

    def listed(folder: Folder, prefix: str, globs: Globs) -> walk.Listing:
        """Stand in for folders that would take long to make."""
        inner = prefix.count("/")
        folders = [] if inner else [f"f{number:03}" for number in range(count)]
        files = [f"{prefix}{number:06}.png" for number in range(1000)] if inner else []
        return walk.Listing(files, folders, 0)

    places = iter(range(10**6))
    monkeypatch.setattr(walk, "_listing", listed)
    monkeypatch.setattr(Folder, "identity", lambda folder: (0, next(places)))
    peaks = []
    for count in (2, 2, 50):  # the first time, libraries load
        tracemalloc.start()
        made = of_folder(tmp_path / "in", tmp_path / "out")
        assert sum(1 for _ in made.pairs()) == made.count == 1000 * count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 50_000
