"""Stores of objects that are not what they should be."""

import sys
from importlib import import_module

import pytest
from botocore.exceptions import ClientError

from upsample_cli.errors import ImageFileError, SettingError
from upsample_cli.images.places import store


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
        store.file_system("s3://some/a.png")


@pytest.mark.parametrize(
    ("missing", "protocol", "remedy"),
    [
        ("webdav4.fsspec", "webdav", "install the library named there"),
        ("gcsfs", "gs", "pip install gcsfs"),
        ("fsspec", "webdav", r'pip install "upsample-cli\[remote\]"'),
    ],
)
def test_libraries_of_other_stores_are_not_in_the_extra(
    missing: str, protocol: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy is to install what the store needs, whatever our extra holds."""
    monkeypatch.setitem(sys.modules, missing, None)
    wanted = rf"^{protocol}:// needs more libraries \(.*\); {remedy}$"
    with pytest.raises(SettingError, match=wanted):
        store.file_system(f"{protocol}://host/a.png")


def test_a_server_and_a_user_are_those_of_the_url() -> None:
    """Stores that are servers get what the URL says of them."""
    files = store.file_system("webhdfs://me@host:9871/a.png")
    assert (files.url, files.pars["user.name"]) == ("http://host:9871/webhdfs/v1", "me")


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("nonsense://a", r"cannot open nonsense://a .*; name an s3:// URL"),
        ("dbfs://a", r"cannot open dbfs://a .*; name an s3:// URL"),
        ("file:///a.png", "file:///a.png is a local file; give its path"),
        ("s3://", "s3:// is not a complete URL; name a bucket"),
    ],
)
def test_what_is_no_store_is_told(url: str, fault: str) -> None:
    """What no library knows, a file, and half a URL are refused."""
    with pytest.raises(SettingError, match=fault):
        store.file_system(url)


@pytest.mark.parametrize(
    ("status", "remedy"), [(503, "try again later"), (403, "check the address and the credentials")]
)
def test_a_store_in_trouble_is_to_be_tried_again(status: int, remedy: str) -> None:
    """An error that a store has with itself is no matter of the address."""
    answer = {"Error": {}, "ResponseMetadata": {"HTTPStatusCode": status}}
    failed = pytest.raises(ImageFileError, match=f"^cannot read s3://b/a.png: Slow down; {remedy}$")
    with failed, store.errors("read", "s3://b/a.png"):
        raise OSError("Slow down") from ClientError(answer, "GetObject")


@pytest.mark.parametrize(
    "info", [{"mtime": 12.5}, {"updated": "1970-01-01T00:00:12.500000+00:00"}, {"created": 12.5}]
)
def test_times_of_other_stores_are_understood(info: dict[str, object]) -> None:
    """Numbers and texts stand for the same time, whatever they are called."""
    assert store.time(info) == 12.5
