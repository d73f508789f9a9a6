"""Access to stores of objects and to HTTP; only this module imports fsspec, at the first URL.

Listings are not cached: a cached listing would miss what we, or others, have uploaded since.
"""

import asyncio
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, SettingError, UpsampleError

PAGES = ("http://", "https://")
"""How the URLs of HTTP begin."""
_HEAD = 1 << 16  # bytes: the part of a file before its pixels is seldom longer
_BLOCK = 1 << 20  # bytes per read after the head; a TIFF's directory may be at the end
_SECRET = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"(^https?://[^?#]*|https?://[^\s?#'\"]*)[?#][^\s'\")]*")
_CONNECT, _SILENCE = 30, 60  # seconds: to wait for a connection, and for the next bytes
_LIBRARIES = ("gcsfs", "adlfs", "paramiko", "dropboxdrivefs", "ocifs")  # for other stores
_BROKEN = (  # errors of aiohttp and botocore
    "ClientOSError", "ClientPayloadError", "ServerDisconnectedError", "ConnectionClosedError"
)  # fmt: skip
_PASSING = (500, 502, 503, 504)  # what a server answers while it has trouble of its own
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")  # names in stores


class Head(io.RawIOBase):
    """An object whose head is read first; the rest is read block by block when it is needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        data = read(url, _HEAD)
        # A shorter answer is the whole object; so is a longer one, from a server without ranges.
        self._has_more = len(data) == _HEAD
        self._file: Any = io.BytesIO(data)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position and return it."""
        if whence == io.SEEK_END:
            self._open_rest()
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer and return their number."""
        if self._file.tell() >= _HEAD:
            self._open_rest()
        with errors("read", self._url):
            return int(self._file.readinto(buffer))

    def _open_rest(self) -> None:
        """Switch to a file that can read at any position, by further requests."""
        if self._has_more:
            position, self._has_more = self._file.tell(), False
            with errors("read", self._url):
                self._file = file_system(self._url).open(self._url, "rb", block_size=_BLOCK)
            self._file.seek(position)


def read(url: str, end: int | None = None) -> bytes:
    """Return an object, or at least its first `end` bytes, by one request if possible."""
    with errors("read", url):
        if url.startswith(PAGES):
            return _body(url, end)
        most = memory.limit() if end is None else end
        try:
            # Without `start`, fsspec asks some stores for the size first and then for parts.
            data = bytes(file_system(url).cat_file(url, start=0, end=most))
        except FileNotFoundError:
            raise
        except OSError:  # such as for an empty object, which has no ranges
            return bytes(file_system(url).cat_file(url))
        if end is None:
            memory.check(2 * len(data), without_secret(url))
        return data


def _body(url: str, end: int | None) -> bytes:
    """Return the body of an HTTP answer: the first `end` bytes if the server supports ranges."""
    headers = {} if end is None else {"Range": f"bytes=0-{end - 1}"}
    # Given a size, fsspec does not ask for the size; with block size 0, it streams.
    with file_system(url).open(url, block_size=0, size=1, headers=headers) as file:
        return bytes(memory.read_all(file, without_secret(url)))


@lru_cache(1)
def _http_options() -> dict[str, Any]:
    """Return options of aiohttp: how long to wait, and where not to be redirected to.

    A download may take long, as long as bytes come. A redirect from a public address to a private
    one is refused.
    """
    import aiohttp

    async def is_private(host: str | None) -> bool:
        """Return whether a host has an address that is not public."""
        addresses = await asyncio.get_running_loop().getaddrinfo(host, None)
        return not all(ip_address(info[4][0]).is_global for info in addresses)

    async def check(session: Any, context: Any, redirect: Any) -> None:
        """Raise an error if a public host redirects to a private one."""
        to = redirect.url.join(type(redirect.url)(redirect.response.headers["Location"]))
        if await is_private(to.host) and not await is_private(redirect.url.host):
            raise ImageFileError(
                f"{redirect.url.host} redirects to {to.host}, a private address; give that address"
            )

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(check)
    patience = aiohttp.ClientTimeout(None, sock_connect=_CONNECT, sock_read=_SILENCE)
    return {"trace_configs": [trace], "timeout": patience}


def file_system(url: str) -> Any:
    """Return fsspec's file system for a URL.

    Raises:
        SettingError: The kind of URL is not supported, a library for it is not installed, or the
            URL names no bucket.
    """
    protocol, _, path = url.partition("://")
    if protocol in ("file", "local"):
        raise SettingError(f"{url} is a local file; give its path")
    if protocol == "ftp":  # fsspec's own support prints tracebacks
        raise SettingError(
            "ftp:// is not supported; download the file first, for example with curl"
        )
    if not path.strip("/"):
        raise SettingError(f"{url} is not a complete URL; name a bucket, such as s3://bucket")
    try:
        import fsspec

        options: dict[str, Any] = {"use_listings_cache": False}
        if url.startswith(PAGES):
            return fsspec.filesystem(protocol, client_kwargs=_http_options(), **options)
        if protocol in ("sftp", "ssh"):  # they have no such cache, and pass options on to SSH
            options = {}
        server = path.partition("/")[0]  # with its port and user, or a bucket
        return fsspec.url_to_fs(f"{protocol}://{server}", **options)[0]
    except ImportError as error:
        remedy = "install the library named there"
        if protocol in ("s3", "http", "https") or error.name == "fsspec":
            remedy = 'pip install "upsample-cli[remote]"'
        elif library := next((name for name in _LIBRARIES if name in str(error)), ""):
            remedy = f"pip install {library}"
        raise SettingError(
            f"{protocol}:// needs more libraries ({_reason(error)}); {remedy}"
        ) from error
    except (TypeError, ValueError) as error:  # a store that needs more than a URL
        shown = without_secret(url)
        raise SettingError(f"cannot open {shown} ({_reason(error)}); name an s3:// URL") from error


def without_query(url: str) -> str:
    """Return a URL of HTTP without query and fragment; other URLs have none.

    >>> without_query("https://host/a.png?token=secret"), without_query("s3://host/a?.png")
    ('https://host/a.png', 's3://host/a?.png')
    """
    return re.split("[?#]", url, maxsplit=1)[0] if url.startswith(PAGES) else url


def without_secret(text: str) -> str:
    """Return a text without user names, passwords and queries in its URLs.

    >>> without_secret("https://me:secret@host/a.png?token=secret")
    'https://host/a.png'
    """
    return _QUERY.sub(r"\1", _SECRET.sub("", text))


@contextmanager
def errors(action: str, url: str) -> Iterator[None]:
    """Turn errors of a store into an `ImageFileError` that says which `action` failed."""
    try:
        yield
    except (UpsampleError, MemoryError):
        raise
    except Exception as error:  # each store has its own errors, without a common base class
        reason = f"{_reason(error)}; check the address and the credentials"
        if isinstance(error, FileNotFoundError):
            fact = _reason(error) if "bucket" in str(error) else "it does not exist"
            reason = f"{fact}; check the name"
        elif type(error).__name__ in _BROKEN:
            reason = "the connection broke off; try again"
        elif _status(error) in _PASSING:
            reason = f"{_reason(error)}; try again later"
        elif isinstance(error, TimeoutError):
            reason = "the server does not answer; try again later"
        raise ImageFileError(f"cannot {action} {without_secret(url)}: {reason}") from error


def _status(error: Exception) -> object:
    """Return the status of HTTP that is an error's reason; 0 where none is known."""
    answer = getattr(error.__cause__, "response", None) or {}  # what S3 answers
    return getattr(error, "status", answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _reason(error: Exception) -> str:
    """Return an error's message on one line, without semicolons: they would announce a remedy."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if "message=''" in words:  # aiohttp gives no more reason
        words = "too many redirects"
    plain = without_secret(words.replace(";", ","))
    return " ".join(plain.split()).rstrip(".") or type(error).__name__


def time(info: dict[str, Any]) -> float:
    """Return the time of an object's last write, in seconds since 1970; NaN if `info` has none."""
    value = next((info[name] for name in _TIMES if info.get(name)), float("nan"))
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.timestamp() if isinstance(value, datetime) else float(value)
