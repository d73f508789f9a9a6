import errno
import os
import pickle
from pathlib import Path

import pytest
from objects import Bucket

from upsample_cli.errors import ImageFileError, TargetExistsError
from upsample_cli.images.places import atomic_file
from upsample_cli.images.places.folder import Folder
from upsample_cli.images.places.place import Place, parse, parse_file
from upsample_cli.images.places.remote import RemoteFile, RemoteFolder
from upsample_cli.images.places.standard_stream import StandardStream


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def half_written(path: Path, fault: BaseException) -> None:
    """Begin to write a target, then raise."""
    with parse_file(path).writing() as file:
        file.write(b"half")
        raise fault


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("-", StandardStream, "-"),
        ("a.png", Place, "a.png"),
        ("folder", Folder, "folder"),
        ("new/", Folder, "new/"),
        ("s3://bucket/new/", RemoteFolder, "s3://bucket/new/"),
    ],
)
def test_a_path_is_classified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, kind: type, path: str
) -> None:
    """What is there decides, or a slash at the end; a place survives pickling."""
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    place = parse(text)
    assert (type(place), str(place)) == (kind, path)
    assert pickle.loads(pickle.dumps(place)) == place


def test_a_store_is_asked_only_if_that_is_wanted(bucket: Bucket) -> None:
    """Thousands of URLs are not asked for one by one: without a slash, each is a file."""
    bucket.put("in/a.png", b"data")
    assert type(parse(f"{bucket.url}/in")) is RemoteFolder
    bucket.server.requests.clear()
    assert type(parse(f"{bucket.url}/in", ask_store=False)) is RemoteFile
    assert type(parse_file(f"{bucket.url}/in")) is RemoteFile
    assert bucket.server.requests == []


@pytest.mark.parametrize(
    ("text", "name", "relative"),
    [
        ("a/b.png", "b.png", "a/b.png"),
        ("./a//b.png", "b.png", "a/b.png"),
        ("../other/b.png", "b.png", "b.png"),
        ("s3://bucket/a/b.png", "b.png", "a/b.png"),
        ("s3://bucket/../b.png", "b.png", "b.png"),
        ("s3://bucket", "bucket", "bucket"),
    ],
)
def test_a_place_has_a_name_and_a_relative_path(text: str, name: str, relative: str) -> None:
    """What lies outside the working folder or the bucket goes by its name."""
    place = parse_file(text)
    assert (place.name, place.relative) == (name, relative)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_working_folder_may_be_named_by_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absolute paths of its files, as a shell has them, keep their folders."""
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "link")
    assert parse_file(tmp_path / "link" / "a" / "b.png").relative == "a/b.png"
    assert parse_file(tmp_path / "b.png").relative == "b.png"


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_file_has_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that lead to a file are equal, and ".." after a link goes where the link leads."""
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/a")
    monkeypatch.chdir(tmp_path)
    key = parse_file("real/c.png").key
    for path in ("./real//c.png", tmp_path / "real/c.png", "real/a/../c.png", "link/../c.png"):
        assert parse_file(path).key == key
    assert parse_file("c.png").key != key
    assert parse("real/a").key == parse("real/a/").key != parse("link").key


def test_an_absolute_place_holds_in_any_folder(tmp_path: Path) -> None:
    """A file gets the folder it was relative to; a URL and a stream stay."""
    assert parse_file("a.png").absolute(str(tmp_path)).path == str(tmp_path / "a.png")
    for text in ("s3://bucket/a.png", "-"):
        assert parse_file(text).absolute(str(tmp_path)).path == text


def test_a_target_appears_when_all_is_written(tmp_path: Path) -> None:
    """Until the block ends there is nothing under the target's name."""
    path = tmp_path / "out.png"
    with parse_file(path).writing() as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.png"]


def test_a_link_to_nothing_is_not_replaced_unasked(tmp_path: Path) -> None:
    """What a link leads to may be on a disk that is away; the link is there."""
    link = tmp_path / "out.png"
    link.symlink_to("away.png")
    (tmp_path / "in.png").touch()
    with pytest.raises(TargetExistsError, match=r"out.png exists; pass --force"):
        parse_file(link).check_target([parse_file(tmp_path / "in.png")], force=False)
    parse_file(link).check_target([parse_file(tmp_path / "in.png")], force=True)


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_a_failing_block_leaves_nothing(tmp_path: Path, fault: type[BaseException]) -> None:
    """Whatever is raised, no new file is left."""
    with pytest.raises(fault):
        half_written(tmp_path / "out.png", fault())
    assert names(tmp_path) == []


def test_a_failing_block_leaves_the_old_file(tmp_path: Path) -> None:
    """What was there before stays as it was."""
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="on the way"):
        half_written(path, ValueError("on the way"))
    assert names(tmp_path) == ["out.png"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("has_links", [True, False])
def test_what_came_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    """A file that somebody put there while ours was written is theirs, with links or without."""

    def without(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not has_links:
        monkeypatch.setattr(os, "link", without)
    path, other = tmp_path / "out.png", tmp_path / "other.png"
    refused = pytest.raises(TargetExistsError, match=r"out.png exists; pass --force to replace it")
    with refused, parse_file(path).writing():
        path.write_bytes(b"precious")
    with parse_file(other).writing() as file:
        file.write(b"ours")
    assert (path.read_bytes(), other.read_bytes()) == (b"precious", b"ours")
    assert sorted(names(tmp_path)) == ["other.png", "out.png"]
    with parse_file(path).writing(force=True) as file:
        file.write(b"ours")
    assert path.read_bytes() == b"ours"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A disk that fails at the last moment is an error of ours, and the old file stays."""
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def failing(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, failing)
    with (
        pytest.raises(ImageFileError, match=r"cannot write .*No space left.*; choose"),
        parse_file(path).writing(force=True) as file,
    ):
        file.write(b"new")
    assert names(tmp_path) == ["out.png"]
    assert path.read_bytes() == b"old"


def test_a_file_that_cannot_be_opened_is_to_be_checked(tmp_path: Path) -> None:
    """A link to itself is no matter of permissions: the error only says to check the file."""
    (tmp_path / "round.png").symlink_to("round.png")
    with pytest.raises(ImageFileError, match=r"cannot read .*round\.png: .*; check the file"):
        parse_file(tmp_path / "round.png").open()


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without permission is an error with the system's reason."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(atomic_file, "open", refused, raising=False)
    with (
        pytest.raises(ImageFileError, match=r"cannot write .*Permission denied; choose another"),
        parse_file(tmp_path / "out.png").writing(),
    ):
        pass


def test_existing_targets_need_force(tmp_path: Path) -> None:
    """A file that is there is refused, unless it may be replaced."""
    path = tmp_path / "out.png"
    parse_file(path).check_target([parse_file("in.png")], force=False)
    path.write_bytes(b"old")
    with pytest.raises(TargetExistsError, match=r"exists; pass --force"):
        parse_file(path).check_target([parse_file("in.png")], force=False)
    parse_file(path).check_target([parse_file("in.png")], force=True)


def test_the_input_is_never_a_target(tmp_path: Path) -> None:
    """Even by another name, and even with force, the input is not overwritten."""
    path, link = tmp_path / "in.png", tmp_path / "link.png"
    path.write_bytes(b"old")
    link.symlink_to(path)
    for other in (path, link, tmp_path / "." / "in.png"):
        with pytest.raises(ImageFileError, match=r"is also the input; name another"):
            parse_file(other).check_target([parse_file(path)], force=True)


def test_no_other_input_is_a_target(tmp_path: Path) -> None:
    """Every file that is read is an input, such as a kernel or a reference."""
    (tmp_path / "kernel.npy").write_bytes(b"old")
    places = [parse_file(name) for name in ("-", tmp_path / "no.png", tmp_path / "kernel.npy")]
    with pytest.raises(ImageFileError, match=r"kernel\.npy is also the input; name another"):
        places[-1].check_target(places, force=True)


@pytest.mark.parametrize(
    ("name", "reason"), [("a" * 300, "File name too long"), ("a\0b", "embedded null byte")]
)
def test_a_name_that_cannot_be_is_named_once(name: str, reason: str) -> None:
    """The error has the system's reason, without its number and without the path once more."""
    with pytest.raises(ImageFileError) as caught:
        parse_file(name).check_target([], force=False)
    assert str(caught.value) == f"cannot write {name}: {reason}; choose another name"


def test_folders_are_no_targets(tmp_path: Path) -> None:
    """A folder, or a file in a folder that is not there, is refused before any work."""
    with pytest.raises(ImageFileError, match=r"is a folder; name a file in it"):
        parse_file(tmp_path).check_target([parse_file("in.png")], force=True)
    with pytest.raises(ImageFileError, match=r"no folder .*; make it first"):
        parse_file(tmp_path / "no" / "out.png").check_target([parse_file("in.png")], force=True)
    (tmp_path / "a.png").touch()
    with pytest.raises(
        ImageFileError, match=r"a\.png is a file, not a folder; name another output"
    ):
        parse_file(tmp_path / "a.png" / "out.png").check_target([parse_file("in.png")], force=True)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_to_nothing_is_no_folder(tmp_path: Path) -> None:
    """It is neither a file nor a folder that could be made."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ImageFileError, match=r"link is a link to nothing, not a folder"):
        parse_file(tmp_path / "link" / "out.png").check_target([parse_file("in.png")], force=True)


def test_devices_are_written_straight() -> None:
    """A device has no content to keep, needs no force, and is not renamed onto."""
    parse_file(os.devnull).check_target([parse_file("in.png")], force=False)
    with parse_file(os.devnull).writing() as file:
        file.write(b"gone")
    assert not Path(os.devnull).is_file()
