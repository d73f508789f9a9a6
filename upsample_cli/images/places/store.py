"""Stores of objects, named by URLs: what lies where. Nothing of it is remembered here.

The one home of fsspec, which is imported when the first URL is met.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from upsample_cli.errors import ImageFileError, SettingError, UpsampleError

_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")  # as stores call it


@dataclass(frozen=True, slots=True)
class Entry:
    """What a listing tells.

    Args:
        name: Without what it lies in; empty for what lies between two slashes of a key.
        is_folder: Whether there is more below it.
        modified: When it was written, in seconds as files have it; NaN where that is not told.
    """

    name: str
    is_folder: bool
    modified: float


def of(url: str) -> Any:
    """Return the store, a file system of fsspec's, that a URL lies in.

    Raises:
        SettingError: There is none of this kind, or its library is not installed.
    """
    protocol, _, path = url.partition("://")
    if protocol in ("file", "local"):
        raise SettingError(f"{url} is a file of this machine; name its path")
    if not path.strip("/"):
        raise SettingError(f"{url} is no whole URL; name a bucket, such as s3://bucket")
    try:
        import fsspec

        # A listing that is remembered would miss what others, or we, have put since.
        return fsspec.filesystem(protocol, use_listings_cache=False)
    except ImportError as error:
        raise SettingError(
            f"{protocol}:// needs more libraries ({_reason(error)}); "
            'install those of S3 by: pip install "upsample-cli[remote]"'
        ) from error
    except ValueError as error:
        raise SettingError(f"cannot open {url} ({_reason(error)}); name an s3:// URL") from error


@contextmanager
def told(doing: str, url: str) -> Iterator[None]:
    """Turn what a store raises in the block into an error about a URL.

    Args:
        doing: What is done with it, as a verb.
        url: What to call it.

    Raises:
        ImageFileError: Always for what is raised but by us.
    """
    try:
        yield
    except (UpsampleError, MemoryError):
        raise
    except FileNotFoundError as error:
        reason = _reason(error) if "bucket" in str(error) else "not there"
        raise ImageFileError(f"cannot {doing} {url}: {reason}; check the name") from error
    # Every store has errors of its own, which share no base.
    except Exception as error:
        raise ImageFileError(
            f"cannot {doing} {url}: {_reason(error)}; check the address and the credentials"
        ) from error


def is_folder(url: str) -> bool:
    """Tell whether something lies below a URL.

    Raises:
        UpsampleError: The store cannot be reached, or does not let us.
    """
    return _info(url).get("type") == "directory"


def modified(url: str) -> float | None:
    """Return when an object was written, as `Entry` has it; None if there is none.

    Raises:
        UpsampleError: The store cannot be reached, or does not let us.
    """
    info = _info(url)
    return _time(info) if info.get("type") == "file" else None


def listed(url: str) -> Iterator[Entry]:
    """Yield what lies right below a URL, in any order; nothing where there is nothing.

    Raises:
        UpsampleError: The store cannot be reached, or does not let us.
    """
    with told("list", url):
        try:
            found = of(url).ls(url.rstrip("/"), detail=True)
        except FileNotFoundError:  # nothing has been put there yet
            found = []
    for each in found:
        name, is_folder = each["name"].rpartition("/")[2], each["type"] == "directory"
        # Keys that end with a slash, as consoles make for what looks like a folder, have no name.
        if name or is_folder:
            yield Entry(name, is_folder, _time(each))


def check_bucket(url: str) -> None:
    """Refuse a place in a bucket that is not there: nobody makes one in passing.

    Raises:
        ImageFileError: There is no such bucket.
        UpsampleError: The store cannot be reached, or does not let us.
    """
    protocol, _, path = url.partition("://")
    bucket = f"{protocol}://{path.partition('/')[0]}"
    # What has a root has folders, not buckets.
    if not of(url).root_marker and not _info(bucket):
        raise ImageFileError(f"no bucket {bucket}; make it, or check the name")


def _info(url: str) -> dict[str, Any]:
    """Return what a store tells of a URL; nothing if nothing is there."""
    with told("read", url):
        try:
            return dict(of(url).info(url))
        except FileNotFoundError:
            return {}


def _time(info: dict[str, Any]) -> float:
    time = next((info[each] for each in _TIMES if info.get(each)), float("nan"))
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    return time.timestamp() if isinstance(time, datetime) else float(time)


def _reason(error: Exception) -> str:
    """Return why, as a clause of one line: a semicolon is for the remedy."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.replace(";", ",").split()).rstrip(".") or type(error).__name__
