"""Objects in stores, and folders of objects: places and folders that are named by URLs."""

import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, BinaryIO, ClassVar, cast
from urllib.parse import urljoin

from upsample_cli.errors import ImageFileError, UpsampleError
from upsample_cli.images.places import store
from upsample_cli.images.places.folder import Entry, Folder
from upsample_cli.images.places.place import Location, Place

_SAME = {"s3a": "s3", "gcs": "gs"}  # schemes with two names
_PREFIX = "upsample-"  # of temporary folders


@dataclass(frozen=True, slots=True)
class _RemoteLocation(Location):
    """A URL, with what objects and folders of objects have in common."""

    is_remote: ClassVar[bool] = True

    def __str__(self) -> str:
        """Return the URL without user, password and query."""
        return store.without_query(store.without_secret(self.path))

    @property
    def name(self) -> str:
        """The last part of the key; the bucket if the URL has no key."""
        bucket, _, key = self._bucket_and_key()
        return key.rpartition("/")[2] or bucket

    @property
    def relative(self) -> str:
        """The key; the name alone if the key has a part that is empty, "." or ".."."""
        key = self._bucket_and_key()[2]
        return self.name if {"", ".", ".."} & {*key.split("/")} else key

    def modified(self) -> float | None:
        """Return the time of the last write, in seconds since 1970; None if no object is there."""
        info = self._info()
        return store.time(info) if info.get("type") == "file" else None

    def _bucket_and_key(self) -> tuple[str, str, str]:
        path = store.without_query(self.path)
        return path.partition("://")[2].rstrip("/").partition("/")

    def _info(self) -> dict[str, Any]:
        """Return fsspec's description of what is at the URL; an empty dict if nothing is."""
        with store.errors("read", self.path):
            try:
                return dict(store.file_system(self.path).info(self.path))
            except FileNotFoundError:
                return {}

    @property
    def _is_page(self) -> bool:
        """Whether the URL is of HTTP, where pages list folders and nothing can be written."""
        return self.path.startswith(store.PAGES)

    def _check_writable(self) -> None:
        if self._is_page:
            raise ImageFileError(f"{self} can only be read; write to a file or an s3:// URL")


@dataclass(frozen=True, slots=True)
class RemoteFile(_RemoteLocation, Place):
    """An object in a store, which need not exist. Over HTTP it can only be read."""

    @classmethod
    def of(cls, url: str) -> "RemoteFile":
        """Return the object that a URL names, the same for all spellings of its scheme."""
        scheme, separator, key = url.partition("://")
        scheme = scheme.lower()
        return cls(f"{_SAME.get(scheme, scheme)}{separator}{key}")

    @property
    def folder(self) -> "RemoteFolder":
        """The folder that the object lies in."""
        return RemoteFolder(self.path.rpartition("/")[0])

    def as_folder(self) -> "RemoteFolder":
        """Return the folder with this URL; it need not exist."""
        return RemoteFolder(self.path)

    def open(self) -> BinaryIO:
        """Read the whole object, by one request."""
        self._check_file()
        return io.BytesIO(store.read(self.path))

    def open_head(self) -> BinaryIO:
        """Open the object by a request for its head alone; the rest is fetched when it is read."""
        self._check_file()
        return cast(BinaryIO, io.BufferedReader(store.Head(self.path)))

    def check_target(self, sources: Sequence[Place], force: bool) -> None:
        """Raise an error if the object cannot be a target; see `Place.check_target`."""
        self._check_writable()
        if self.path.endswith("/"):
            raise ImageFileError(f"{self} is a folder; name a file in it")
        if self in sources:
            raise ImageFileError(f"{self} is also the input; name another output")
        if not force and self.modified() is not None:
            raise self._exists()

    @contextmanager
    def writing(self, force: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
        """Give a local file to write; it is uploaded when the block ends."""
        with self._copying(), TemporaryDirectory(prefix=_PREFIX) as folder:
            local = self._local_copy(folder)
            with local.open("w+b") as file:
                yield file
            self._put(local)

    @contextmanager
    def editing(self, anew: bool) -> Iterator[str]:
        """Give a local copy to change, as nothing can be appended to an object.

        A changed copy is uploaded at the end, even if the block fails. If the upload fails, the
        copy stays, and the error says where.
        """
        self.folder.make()  # raises errors now rather than at the upload
        old = b"" if anew or self.modified() is None else store.read(self.path)
        with self._copying():
            local = self._local_copy(mkdtemp(prefix=_PREFIX))
            try:
                local.write_bytes(old)
            except OSError:
                rmtree(local.parent)
                raise
        try:
            yield str(local)
        finally:
            if local.exists() and local.read_bytes() != old:
                try:
                    self._put(local)
                except UpsampleError as error:
                    fact = str(error).partition(";")[0]
                    raise ImageFileError(f"{fact}; copy {local} there yourself") from error
            rmtree(local.parent)

    def _check_file(self) -> None:
        """Refuse the URL of a folder, which was named as a file or could not be listed before."""
        if self.path.endswith("/"):
            list(self.as_folder().entries())
            remedy = "name a file in it, or run again if it could not be listed before"
            raise ImageFileError(f"{self} is a folder; {remedy}")

    @contextmanager
    def _copying(self) -> Iterator[None]:
        """Turn errors of a local copy into an `ImageFileError` that names its folder."""
        try:
            yield
        except OSError as error:
            raise ImageFileError(
                f"cannot write {self} by way of {tempfile.tempdir or 'a temporary folder'}: "
                f"{error.strerror or error}; set TMPDIR to a folder with room"
            ) from error

    def _local_copy(self, folder: str) -> Path:
        """Return a path for a local copy, with the suffix by which a store knows the type."""
        return Path(folder, f"object{self.suffix if self.suffix[1:].isalnum() else ''}")

    def _put(self, local: Path) -> None:
        with store.errors("write", self.path):
            files = store.file_system(self.path)
            files.put_file(str(local), files._strip_protocol(self.path))  # SFTP takes no URLs here


@dataclass(frozen=True, slots=True)
class RemoteFolder(_RemoteLocation, Folder):
    """The folder of all objects below a URL."""

    def exists(self) -> bool:
        """Return whether something lies below the URL."""
        # Over HTTP every URL is a file; only a page can list a folder.
        return not self._is_page and self._info().get("type") == "directory"

    def file(self, name: str) -> RemoteFile:
        """Return the object called `name` in this folder; `name` may contain slashes."""
        return RemoteFile(self._joined(name))

    def entries(self) -> Iterator[Entry]:
        """Yield the entries directly below the URL; none if nothing is there in a store."""
        with store.errors("list", self.path):
            try:
                infos = store.file_system(self.path).ls(self.path.rstrip("/"), detail=True)
            except FileNotFoundError:
                if self._is_page:
                    raise
                infos = []  # nothing has been uploaded there yet
        if self._is_page:
            yield from self._linked(info["name"] for info in infos)
            return
        for info in infos:
            name, is_folder = info["name"].rpartition("/")[2], info["type"] == "directory"
            # Consoles make folders as objects whose key ends with a slash; their name is empty.
            if name or is_folder:
                yield Entry(name, is_folder, store.time(info))

    def _linked(self, links: Iterable[str]) -> Iterator[Entry]:
        """Yield what a page links below itself, once; a name may be a path of several folders."""
        base, folder, urls = self._joined(""), "", set[str]()
        for link in links:
            with suppress(ValueError):  # it is no URL
                url = urljoin(base, store.without_query(link).removeprefix(base))
                urls.add(url.partition("://")[2])  # a page of https:// may link http://
        top = base.partition("://")[2]
        for path in sorted(url.removeprefix(top) for url in urls if url.startswith(top)):
            if path and not (folder and path.startswith(folder)):  # else the folder's page has it
                folder = path if path.endswith("/") else folder
                yield Entry(path.rstrip("/"), path.endswith("/"))

    def make(self) -> None:
        """Raise an error if the bucket does not exist; folders in a store need not be made."""
        self._check_writable()
        bucket = RemoteFolder(f"{self.path.partition('://')[0]}://{self._bucket_and_key()[0]}")
        # A store with a root has folders, not buckets.
        with store.errors("write", self.path):
            has_buckets = not store.file_system(self.path).root_marker
        if has_buckets and not bucket._info():
            raise ImageFileError(f"no bucket {bucket}; make it, or check the name")

    def identity(self) -> str:
        """Return the URL, as a store has no links."""
        return self.path.rstrip("/")

    def parents(self) -> tuple[Folder, ...]:
        """Return no folders, as a store has no links that could lead back to them."""
        return ()

    def contains(self, other: Folder) -> bool:
        """Return whether another folder is this folder or lies in it."""
        return f"{other.path.rstrip('/')}/".startswith(f"{self.path.rstrip('/')}/")
