"""What lies where, asked of a real S3 server on loopback."""

import math
import sys
from importlib import import_module

import pytest
from objects import Bucket

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places import store


def test_a_listing_tells_names_folders_and_times(bucket: Bucket) -> None:
    """Objects and folders right below are told, one of each where both have a name."""
    for key in ("in/b#?.png", "in/a", "in/a/c.png", "in/", "in/deep//d.png"):
        bucket.put(key, b"data")
    found = sorted((each.name, each.is_folder) for each in store.listed(f"{bucket.url}/in/"))
    assert found == [("a", False), ("a", True), ("b#?.png", False), ("deep", True)]
    times = {each.name: each.modified for each in store.listed(f"{bucket.url}/in")}
    assert times["b#?.png"] == store.modified(f"{bucket.url}/in/b#?.png")
    assert math.isnan(times["deep"])


def test_a_listing_goes_on_over_pages(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server gives so many names at a time; all of them come."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    names = [f"{number}" for number in range(8)]
    for name in names:
        bucket.put(f"in/{name}", b"")
    assert sorted(each.name for each in store.listed(f"{bucket.url}/in")) == names
    assert sum("list-type=2" in each.query for each in bucket.server.requests) == 3


def test_a_listing_is_of_now(bucket: Bucket) -> None:
    """A prefix without objects is empty, not an error; what comes is seen the next time."""
    for names in ([], ["a.png"], ["a.png", "b.png"]):
        for name in names:
            bucket.put(f"out/{name}", b"data")
        assert sorted(each.name for each in store.listed(f"{bucket.url}/out")) == names


def test_folders_and_objects_are_told_apart(bucket: Bucket) -> None:
    """A folder is what something lies below; only an object has a time."""
    bucket.put("in/a.png", b"data")
    assert store.is_folder(bucket.url)
    assert store.is_folder(f"{bucket.url}/in/")
    assert not store.is_folder(f"{bucket.url}/in/a.png")
    assert not store.is_folder(f"{bucket.url}/no")
    assert store.modified(f"{bucket.url}/in") is None
    assert store.modified(f"{bucket.url}/no") is None
    assert store.modified(f"{bucket.url}/in/a.png") > 0


def test_a_bucket_has_to_be_there(bucket: Bucket) -> None:
    """No bucket is made in passing; a store with a root has none."""
    store.check_bucket(f"{bucket.url}/deep/out")
    store.check_bucket("memory://some/out")
    with pytest.raises(ImageFileError, match="no bucket s3://nowhere; make it, or"):
        store.check_bucket("s3://nowhere/out")


@pytest.mark.parametrize("ask", [store.is_folder, store.modified, lambda url: [*store.listed(url)]])
def test_what_is_not_allowed_is_told(bucket: Bucket, ask: object) -> None:
    """No permission is no absence."""
    for method, path in (("HEAD", "in"), ("GET", "")):
        where = f"/{bucket.name}/{path}".rstrip("/")
        bucket.server.refused[method, where] = (403, "AccessDenied")
    with pytest.raises(ImageFileError, match=r"cannot (read|list) .*/in: .*; check the address"):
        ask(f"{bucket.url}/in")  # type: ignore[operator] # any callable


@pytest.mark.parametrize("missing", ["s3fs", "fsspec"])
def test_a_missing_library_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the remedy is to install it."""
    known = import_module("fsspec.registry")._registry
    monkeypatch.delitem(known, "s3", raising=False)  # as if it had never been met
    monkeypatch.setitem(sys.modules, missing, None)
    wanted = (
        rf's3:// needs more libraries \(.*{missing}.*\); .*pip install "upsample-cli\[remote\]"'
    )
    with pytest.raises(SettingError, match=wanted):
        store.of("s3://some/a.png")


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("nonsense://a", r"cannot open nonsense://a .*; name an s3:// URL"),
        ("file:///a.png", "file:///a.png is a file of this machine; name its path"),
        ("s3://", "s3:// is no whole URL; name a bucket"),
    ],
)
def test_what_is_no_store_is_told(url: str, fault: str) -> None:
    """What no library knows, a file, and half a URL are refused."""
    with pytest.raises(SettingError, match=fault):
        store.of(url)


@pytest.mark.parametrize(
    "info", [{"mtime": 12.5}, {"updated": "1970-01-01T00:00:12.500000+00:00"}, {"created": 12.5}]
)
def test_times_of_other_stores_are_understood(info: dict[str, object]) -> None:
    """Numbers and texts stand for the same time, whatever they are called."""
    assert store._time(info) == 12.5
