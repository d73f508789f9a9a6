"""Objects in stores, named by URLs, as files and folders."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, BinaryIO, ClassVar, cast

from upsample_cli.errors import ImageFileError, UpsampleError
from upsample_cli.images.places import store
from upsample_cli.images.places.folder import Entry, Folder
from upsample_cli.images.places.place import Location, Place

_PREFIX = "upsample-"  # of temporary folders


@dataclass(frozen=True, slots=True)
class _RemoteLocation(Location):
    """What objects and folders of them share."""

    is_remote: ClassVar[bool] = True

    def __str__(self) -> str:
        """Return the URL without user and password."""
        return store.without_secret(self.path)

    @property
    def key(self) -> str:
        """The URL: no two URLs mean the same object."""
        return self.path

    @property
    def name(self) -> str:
        """The last part of the key; the bucket where there is no key."""
        bucket, _, key = self._bucket_and_key()
        return key.rpartition("/")[2] or bucket

    @property
    def relative(self) -> str:
        """The key below the bucket; the name where the key has parts that no path can keep."""
        key = self._bucket_and_key()[2]
        return self.name if {"", ".", ".."} & {*key.split("/")} else key

    def modified(self) -> float | None:
        """Return when the object was written, in seconds since 1970; None if there is none."""
        info = self._info()
        return store.time(info) if info.get("type") == "file" else None

    def _bucket_and_key(self) -> tuple[str, str, str]:
        return self.path.partition("://")[2].rstrip("/").partition("/")

    def _info(self) -> dict[str, Any]:
        """Return what the store says about the URL; nothing if nothing is there."""
        with store.errors("read", self.path):
            try:
                return dict(store.file_system(self.path).info(self.path))
            except FileNotFoundError:
                return {}

    def _check_writable(self) -> None:
        if self.path.startswith(("http://", "https://")):
            raise ImageFileError(f"{self} can only be read; write to a file or an s3:// URL")


@dataclass(frozen=True, slots=True)
class RemoteFile(_RemoteLocation, Place):
    """An object in a store, there or not. Over HTTP it can only be read."""

    @property
    def folder(self) -> "RemoteFolder":
        """What lies beside it."""
        return RemoteFolder(self.path.rpartition("/")[0])

    def as_folder(self) -> "RemoteFolder":
        """Return the folder of this URL, whether it is there or not."""
        return RemoteFolder(self.path)

    def is_folder(self) -> bool:
        """Tell whether something lies below the URL."""
        return self.as_folder().exists()

    def open(self) -> BinaryIO:
        """Read all of it, by one request."""
        return io.BytesIO(store.read(self.path))

    def open_head(self) -> BinaryIO:
        """Open it by a request for its head alone; the rest is fetched once it is read."""
        return cast(BinaryIO, io.BufferedReader(store.Head(self.path)))

    def check_target(self, source: Place, force: bool) -> None:
        """Refuse it as a target before any work is done; see `Place.check_target`."""
        self._check_writable()
        if self.path.endswith("/"):
            raise ImageFileError(f"{self} is a folder; name a file in it")
        if self == source:
            raise ImageFileError(f"{self} is also the input; name another output")
        if not force and self.modified() is not None:
            raise self._exists()

    @contextmanager
    def writing(self, force: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
        """Write a local file that is put when the block ends."""
        with TemporaryDirectory(prefix=_PREFIX) as folder:
            local = self._local_copy(folder)
            with local.open("w+b") as file:
                yield file
            self._put(local)

    @contextmanager
    def editing(self, anew: bool) -> Iterator[str]:
        """Give a local copy, as objects do not grow; it is put back if it has changed.

        Also where the block fails. A copy that cannot be put back stays, and the error says where.
        """
        old = b"" if anew or self.modified() is None else store.read(self.path)
        local = self._local_copy(mkdtemp(prefix=_PREFIX))
        local.write_bytes(old)
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

    def _local_copy(self, folder: str) -> Path:
        """Return a path that any disk takes, with the suffix by which a store knows the type."""
        suffix = PurePosixPath(self.path).suffix
        return Path(folder, f"object{suffix if suffix[1:].isalnum() else ''}")

    def _put(self, local: Path) -> None:
        with store.errors("write", self.path):
            store.file_system(self.path).put_file(str(local), self.path)


@dataclass(frozen=True, slots=True)
class RemoteFolder(_RemoteLocation, Folder):
    """What lies below a URL."""

    def exists(self) -> bool:
        """Tell whether something lies below the URL."""
        return bool(self._info().get("type") == "directory")

    def file(self, name: str) -> RemoteFile:
        """Return the object of a name, which may contain slashes."""
        return RemoteFile(self._joined(name))

    def entries(self) -> Iterator[Entry]:
        """Yield the entries right below it; none where there is nothing."""
        with store.errors("list", self.path):
            try:
                infos = store.file_system(self.path).ls(self.path.rstrip("/"), detail=True)
            except FileNotFoundError:  # nothing has been put there yet
                infos = []
        for info in infos:
            name, is_folder = info["name"].rpartition("/")[2], info["type"] == "directory"
            # Consoles make folders as keys that end with a slash, which have no name.
            if name or is_folder:
                yield Entry(name, is_folder, store.time(info))

    def make(self) -> None:
        """Refuse a bucket that is not there; a store needs no folders."""
        self._check_writable()
        bucket = RemoteFolder(f"{self.path.partition('://')[0]}://{self._bucket_and_key()[0]}")
        # A store with a root has folders, not buckets.
        if not store.file_system(self.path).root_marker and not bucket._info():
            raise ImageFileError(f"no bucket {bucket}; make it, or check the name")

    def identity(self) -> str:
        """Return the URL, as none is a link to another."""
        return self.path.rstrip("/")

    def parents(self) -> tuple[Folder, ...]:
        """Return nothing, as no link leads back."""
        return ()

    def contains(self, other: Folder) -> bool:
        """Tell whether another folder is this one, or lies in it."""
        return f"{other.path.rstrip('/')}/".startswith(f"{self.path.rstrip('/')}/")
