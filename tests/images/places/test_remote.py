"""Objects as files, at a real S3 server on loopback."""

import errno
import io
import math
import os
import time
from asyncio import BaseEventLoop
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import PIL.Image
import pytest
from objects import Bucket
from textures import texture_samples

from upsample_cli import memory
from upsample_cli.errors import ImageFileError, PictureTooLargeError
from upsample_cli.images.places import store
from upsample_cli.images.places.place import parse_file
from upsample_cli.images.places.remote import RemoteFile, RemoteFolder
from upsample_cli.images.read import decode, opening
from upsample_cli.jobs.batch.walk import Globs, Listing, walk

HEAD = 1 << 16


def picture(format: str = "png", side: int = 200) -> bytes:
    file = io.BytesIO()
    options = {"compression": "tiff_adobe_deflate"} if format == "tiff" else {}
    PIL.Image.fromarray(texture_samples(side, side, 3)).save(file, format, **options)
    return file.getvalue()


def read(bucket: Bucket, key: str) -> list[str]:
    """Return the ranges in which an object was read."""
    get = "GET", f"/{bucket.name}/{key}"
    return [each.range for each in bucket.server.requests if (each.method, each.path) == get]


def test_a_picture_is_read_by_one_request(bucket: Bucket) -> None:
    """To decode an object it is fetched once, without asking for its size before."""
    bucket.put("a.png", picture())
    assert decode.decode(parse_file(f"{bucket.url}/a.png")).size == (200, 200)
    assert [one.method for one in bucket.server.requests[1:]] == ["GET"]
    assert bucket.server.requests[1].range.startswith("bytes=0-")


@pytest.mark.parametrize("format", ["png", "jpeg", "bmp", "tga", "ppm"])
def test_a_size_is_read_from_the_head(bucket: Bucket, format: str) -> None:
    """Of a large picture 64 KB are fetched, by one request."""
    bucket.put("large", data := picture(format, 700))
    assert len(data) > HEAD
    assert opening.read_size(parse_file(f"{bucket.url}/large")) == (700, 700)
    assert read(bucket, "large") == [f"bytes=0-{HEAD - 1}"]


def test_a_head_may_be_at_the_end(bucket: Bucket) -> None:
    """Of a TIFF that has its directory behind its pixels, these are not fetched."""
    bucket.put("large", data := picture("tiff", 1500))
    assert len(data) > 4 << 20
    assert opening.read_size(parse_file(f"{bucket.url}/large")) == (1500, 1500)
    first, *others = [each.removeprefix("bytes=").split("-") for each in read(bucket, "large")]
    assert first == ["0", str(HEAD - 1)]
    assert sum(int(end) - int(start) for start, end in others) < 2 << 20


@pytest.mark.parametrize("length", [0, 1, HEAD - 1, HEAD, HEAD + 1, 3 * HEAD])
def test_a_head_goes_on_to_the_whole(bucket: Bucket, length: int) -> None:
    """Read on, or from its end, a head has the bytes of the object, of whatever length."""
    bucket.put("a", data := (bytes(range(256)) * (3 * 256))[:length])
    with parse_file(f"{bucket.url}/a").open_head() as file:
        assert file.read(10) == data[:10]
        assert file.read() == data[10:]
        assert file.read() == b""
        assert file.seek(0, io.SEEK_END) == length
        file.seek(max(0, length - 3))
        assert file.read() == data[-3:]


def test_schemes_ignore_case(web: str) -> None:
    """HTTP:// is http://, and S3:// and s3a:// are s3://; the rest of a URL is kept as it is."""
    assert opening.read_size(parse_file(web.replace("http", "HTTP") + "/a.png")) == (200, 200)
    for url in ("S3://Bucket/A.png", "s3a://Bucket/A.png"):
        assert parse_file(url).path == "s3://Bucket/A.png"
    assert parse_file("gcs://b/a.png") == parse_file("gs://b/a.png")


def test_a_picture_on_the_web_is_read(web: str) -> None:
    """A server that knows no ranges gives all of it, also where the head was asked for."""
    url = f"{web}/a.png"
    assert opening.read_size(parse_file(url)) == (200, 200)
    assert decode.decode(parse_file(url)).size == (200, 200)
    with pytest.raises(ImageFileError, match=r"no\.png: it does not exist; check the name"):
        opening.read_size(parse_file(f"{web}/no.png"))


class Web(SimpleHTTPRequestHandler):
    """Gives files; of /zeros it gives no end, of /to/URL a redirect to that, of /403 that error.

    Of /cut it gives a part, of /gone nothing.
    """

    def do_GET(self) -> None:
        """Answer."""
        if (name := self.path.rpartition("/")[2]).isdigit():
            self.send_error(int(name))
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b"data")
        elif self.path == "/gone":
            self.close_connection = True
        elif self.path in ("/slow", "/silent"):
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # the reader waits no longer
                for _ in range(4):
                    self.wfile.write(b"data")
                    time.sleep(0.4 if self.path == "/slow" else 2)
        elif self.path == "/zeros":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # the reader has had enough
                while True:
                    self.wfile.write(bytes(1 << 20))
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Yield the address of a server that gives a picture."""
    (tmp_path / "a.png").write_bytes(picture())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Web, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_query_is_no_part_of_a_name(web: str) -> None:
    """The query of a URL, which may be a key, is sent, but neither named nor shown."""
    place = parse_file(f"{web}/a.png?key=a/b.jpg#c")
    assert decode.decode(place).size == (200, 200)
    assert (place.name, place.suffix, place.relative) == ("a.png", ".png", "a.png")
    assert str(place) == place.label == f"{web}/a.png"
    for where in (f"{web}/no.png?key=secret", f"{web}/two words?key=secret", f"{web}/to/?secret"):
        with pytest.raises(ImageFileError) as raised:
            decode.decode(parse_file(where))
        assert "secret" not in str(raised.value)


def test_a_page_lists_pictures_and_folders(web: str, tmp_path: Path) -> None:
    """Folders over HTTP are entered, and a link of a page to itself is none."""
    (tmp_path / "in/sub/deep").mkdir(parents=True)
    for name in ("in/b.png", "in/sub/c.png", "in/sub/deep/d.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "in/sub/deep/index.html").write_text('<a href="/">up</a> <a href="d.png">d</a>')
    pictures = ["b.png", "sub/c.png", "sub/deep/d.png"]
    for end in ("", "/"):
        entered: list[Listing] = []
        assert list(walk(RemoteFolder(f"{web}/in{end}"), Globs(), entered.append)) == pictures
        assert [listing.hidden for listing in entered] == [0, 0, 0]


def test_a_page_lists_what_it_links_once(web: str, tmp_path: Path) -> None:
    """Links with a query or an anchor are those without; links that lead elsewhere are none."""
    links = (
        "a.png a.png?download=1 a.png#top ./a.png # ?C=N;O=D sub/ sub/?C=N;O=D sub/b.png "
        "mailto:me@host.org javascript:void(0) tel:+1 data:image/png;base64,AAAA x://[y "
        "deep/c.png ../ ../e.png ../up/ https://x.org/f.png "
        f"/in/abs.png {web}/in/abs.png {web.replace('http', 'https')}/in/tls.png"
    )
    page = "".join(f'<a href="{link}">x</a>' for link in links.split())
    (tmp_path / "in").mkdir()
    (tmp_path / "in/index.html").write_text(page)
    entries = [(entry.name, entry.is_folder) for entry in RemoteFolder(f"{web}/in/").entries()]
    assert entries == [
        ("a.png", False), ("abs.png", False), ("deep/c.png", False), ("sub", True),
        ("tls.png", False),
    ]  # fmt: skip


@pytest.mark.parametrize(("status", "reason"), [(403, "403, message="), (404, "does not exist")])
def test_a_page_that_is_refused_costs_itself_alone(web: str, tmp_path: Path, status: int,
                                                   reason: str) -> None:  # fmt: skip
    """A linked folder that the server does not list is yielded, and opening it says why."""
    (tmp_path / f"in/{status}").mkdir(parents=True)
    (tmp_path / "in/z.png").touch()
    top = RemoteFolder(f"{web}/in/")
    assert list(walk(top, Globs())) == [f"{status}/", "z.png"]
    for read in (top.file(f"{status}/").open, top.file(f"{status}/").open_head):
        with pytest.raises(ImageFileError, match=rf"cannot list .*/in/{status}/: .*{reason}"):
            read()
    with pytest.raises(ImageFileError, match=rf"cannot list .*/in/{status}: .*{reason}"):
        list(walk(top.folder(f"{status}"), Globs()))


def test_a_page_that_was_refused_is_no_file(web: str) -> None:
    """A folder that can be listed is not read as a file, which would be skipped."""
    with pytest.raises(ImageFileError, match=r"/ is a folder; name a file in it, or run again if"):
        parse_file(f"{web}/").open()


def test_a_body_without_end_is_refused(web: str) -> None:
    """A server cannot fill the memory: what is read stays within the budget."""
    memory.limit_to(128 << 20)
    try:
        with pytest.raises(PictureTooLargeError, match=r"zeros needs .* raise --max-memory"):
            parse_file(f"{web}/zeros").open()
    finally:
        memory.limit_to(None)


def test_a_server_may_be_slow_but_not_silent(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download may take as long as bytes come; if none come, it is given up."""
    monkeypatch.setattr(store, "_SILENCE", 1)
    store._http_options.cache_clear()
    try:
        assert store._http_options()["timeout"].total is None
        assert parse_file(f"{web}/slow").open().read() == b"data" * 4
        with pytest.raises(ImageFileError, match=r"silent: the server does not answer; try again"):
            parse_file(f"{web}/silent").open()
    finally:
        store._http_options.cache_clear()


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("cut", "the connection broke off; try again"),
        ("gone", "the connection broke off; try again"),
        ("503", "503, message='Service Unavailable', .*; try again later"),
    ],
)
def test_a_server_in_trouble_is_to_be_tried_again(web: str, path: str, fault: str) -> None:
    """Neither the address nor the credentials are to blame for it."""
    with pytest.raises(ImageFileError, match=f"cannot read {web}/{path}: {fault}$"):
        parse_file(f"{web}/{path}").open()


def test_a_wrong_url_has_its_reason(web: str, tmp_path: Path) -> None:
    """Redirects without end are named, and a folder without its slash gets one."""
    with pytest.raises(ImageFileError, match=r"cannot read .*: too many redirects; check"):
        parse_file(f"{web}/to/{'/to/' * 50}a.png").open()
    (tmp_path / "in").mkdir()
    with pytest.raises(ImageFileError, match=r"/in is not .* file; end a folder's URL by a slash"):
        decode.decode(parse_file(f"{web}/in"))


def test_redirects_into_a_network_start_there(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public server may not send us to a private address; a private one may."""
    url = f"{web}/to/{web}/a.png"
    assert decode.decode(parse_file(url)).size == (200, 200)
    real = BaseEventLoop.getaddrinfo

    async def other(loop: BaseEventLoop, host: str, port: object, **options: object) -> Any:
        """Let the server's other name stand for a public address."""
        if host == "localhost" and not options:
            return [(0, 0, 0, "", ("8.8.8.8", 0))]
        return await real(loop, host, port, **options)

    monkeypatch.setattr(BaseEventLoop, "getaddrinfo", other)
    with pytest.raises(ImageFileError, match=r"localhost redirects to 127\.0\.0\.1, a private"):
        decode.decode(parse_file(url.replace("127.0.0.1", "localhost", 1)))


def test_nothing_is_put_when_the_block_fails(bucket: Bucket, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """An object appears when the block ends, and not at all if it fails; no file is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with suppress(KeyboardInterrupt), parse_file(f"{bucket.url}/a.png").writing() as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert bucket.keys() == []
    with parse_file(f"{bucket.url}/a.png").writing() as file:
        file.write(b"whole")
        assert bucket.keys() == []
    assert bucket.get("a.png") == b"whole"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["long" * 70 + ".png", "a.b:c?", "no suffix"])
def test_a_key_need_be_no_name_of_a_file(bucket: Bucket, name: str) -> None:
    """Keys that the disk would not take as a name are put as others are."""
    with parse_file(f"{bucket.url}/{name}").writing() as file:
        file.write(b"whole")
    with parse_file(f"{bucket.url}/{name}.csv").editing(anew=True) as path:
        Path(path).write_bytes(b"rows\n")
    assert bucket.contents(name) == {"": b"whole", ".csv": b"rows\n"}


def test_what_cannot_be_put_is_told(bucket: Bucket) -> None:
    """A store that does not take an object is an error with the reason."""
    bucket.server.refused["PUT", f"/{bucket.name}/a.png"] = (507, "NoRoom")
    denied = pytest.raises(ImageFileError, match=r"cannot write s3://.*: It says NoRoom; check")
    with denied, parse_file(f"{bucket.url}/a.png").writing() as file:
        file.write(b"whole")
    assert bucket.keys() == []


@pytest.mark.parametrize(
    ("how", "failing"),
    [
        ("writing", "tempfile.mkdtemp"),
        ("writing", "pathlib.Path.open"),
        ("writing", "os.cpu_count"),  # stands for what the block itself writes
        ("editing", "upsample_cli.images.places.remote.mkdtemp"),
        ("editing", "pathlib.Path.write_bytes"),
    ],
)
def test_a_full_temporary_folder_is_named(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, failing: str
) -> None:
    """Where there is no room for a local copy, the error names it, the output and a remedy."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(failing, full)
    place = parse_file(f"{bucket.url}/a.csv")
    fault = f"^cannot write {place} by way of {tmp_path}: No space left on device; set TMPDIR to"
    with (
        pytest.raises(ImageFileError, match=fault),
        place.writing() if how == "writing" else place.editing(anew=True),
    ):
        os.cpu_count()
    assert bucket.keys() == []
    assert list(tmp_path.iterdir()) == []


def test_a_server_of_files_is_given_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a store is a server, as over SFTP, what is put gets a path, not a URL."""
    put: list[str] = []
    files = store.file_system("memory://some")
    monkeypatch.setattr(files, "put_file", lambda _, path: put.append(path))
    with parse_file("memory://some/a.png").writing() as file:
        file.write(b"whole")
    assert put == ["/some/a.png"]


def test_a_server_that_is_not_there_takes_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some stores connect at once; the error then says which server it is."""

    def away(_: str) -> None:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    monkeypatch.setattr(store, "file_system", away)
    with pytest.raises(ImageFileError, match=r"^cannot write sftp://host/out: Connection refused;"):
        RemoteFolder("sftp://me:secret@host/out").make()


def test_an_upload_in_parts_that_fails_leaves_none(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too large for one request is put in parts, which go where one of them fails."""
    files = store.file_system(bucket.url)
    monkeypatch.setattr(files, "put_file", partial(files.put_file, chunksize=5 << 20))
    for status in (None, (400, "NoRoom")):
        if status:
            bucket.server.refused["PUT", f"/{bucket.name}/b.png"] = status
        try:
            with parse_file(f"{bucket.url}/{'b' if status else 'a'}.png").writing() as file:
                file.write(bytes(12 << 20))
        except ImageFileError:
            assert status
    assert bucket.keys() == ["a.png"]
    assert bucket.unfinished() == []


def test_a_copy_that_cannot_be_put_back_stays(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a night are not lost with the network: the error says where they are."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    bucket.server.refused["PUT", f"/{bucket.name}/rows.csv"] = (403, "ExpiredToken")
    lost = pytest.raises(ImageFileError, match=r"It says ExpiredToken; copy .* there yourself")
    with lost as raised, parse_file(f"{bucket.url}/rows.csv").editing(anew=False) as path:
        Path(path).write_bytes(b"rows\n")
    assert path in str(raised.value)
    assert Path(path).read_bytes() == b"rows\n"


def test_a_copy_is_put_back_where_it_has_changed(bucket: Bucket) -> None:
    """A local copy has what is there, unless it begins anew, and goes back also by an error."""
    bucket.put("rows.csv", b"old\n")
    url = f"{bucket.url}/rows.csv"
    with parse_file(url).editing(anew=False) as path:
        assert Path(path).read_bytes() == b"old\n"
    assert not any(each.method == "PUT" for each in bucket.server.requests[1:])
    with suppress(KeyboardInterrupt), parse_file(url).editing(anew=False) as path:
        with Path(path).open("ab") as file:
            file.write(b"new\n")
        raise KeyboardInterrupt
    assert bucket.get("rows.csv") == b"old\nnew\n"
    with parse_file(url).editing(anew=True) as path:
        assert Path(path).read_bytes() == b""
        Path(path).write_bytes(b"anew\n")
    assert bucket.get("rows.csv") == b"anew\n"
    assert not Path(path).parent.exists()


def test_a_listing_tells_names_folders_and_times(bucket: Bucket) -> None:
    """Objects and folders right below are told, one of each where both have a name."""
    for key in ("in/b#?.png", "in/a", "in/a/c.png", "in/", "in/deep//d.png"):
        bucket.put(key, b"data")
    found = sorted(
        (each.name, each.is_folder) for each in RemoteFolder(f"{bucket.url}/in/").entries()
    )
    assert found == [("a", False), ("a", True), ("b#?.png", False), ("deep", True)]
    times = {each.name: each.modified for each in RemoteFolder(f"{bucket.url}/in").entries()}
    assert times["b#?.png"] == RemoteFile(f"{bucket.url}/in/b#?.png").modified()
    assert math.isnan(times["deep"])


def test_a_listing_goes_on_over_pages(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server gives so many names at a time; all of them come."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    names = [f"{number}" for number in range(8)]
    for name in names:
        bucket.put(f"in/{name}", b"")
    assert sorted(each.name for each in RemoteFolder(f"{bucket.url}/in").entries()) == names
    assert sum("list-type=2" in each.query for each in bucket.server.requests) == 3


def test_a_listing_is_of_now(bucket: Bucket) -> None:
    """A prefix without objects is empty, not an error; what comes is seen the next time."""
    for names in ([], ["a.png"], ["a.png", "b.png"]):
        for name in names:
            bucket.put(f"out/{name}", b"data")
        assert sorted(each.name for each in RemoteFolder(f"{bucket.url}/out").entries()) == names


def test_folders_and_objects_are_told_apart(bucket: Bucket) -> None:
    """A folder is what something lies below; only an object has a time."""
    bucket.put("in/a.png", b"data")
    assert RemoteFolder(bucket.url).exists()
    assert RemoteFolder(f"{bucket.url}/in/").exists()
    assert not RemoteFolder(f"{bucket.url}/in/a.png").exists()
    assert not RemoteFolder(f"{bucket.url}/no").exists()
    assert RemoteFile(f"{bucket.url}/in").modified() is None
    assert RemoteFile(f"{bucket.url}/no").modified() is None
    assert RemoteFile(f"{bucket.url}/in/a.png").modified() > 0


def test_a_bucket_has_to_be_there(bucket: Bucket) -> None:
    """No bucket is made in passing; a store with a root has none."""
    RemoteFolder(f"{bucket.url}/deep/out").make()
    RemoteFolder("memory://some/out").make()
    with pytest.raises(ImageFileError, match="no bucket s3://nowhere; make it, or"):
        RemoteFolder("s3://nowhere/out").make()


@pytest.mark.parametrize(
    "ask", [RemoteFolder.exists, RemoteFolder.modified, lambda at: [*at.entries()]]
)
def test_what_is_not_allowed_is_told(bucket: Bucket, ask: object) -> None:
    """No permission is no absence."""
    for method, path in (("HEAD", "in"), ("GET", "")):
        where = f"/{bucket.name}/{path}".rstrip("/")
        bucket.server.refused[method, where] = (403, "AccessDenied")
    with pytest.raises(ImageFileError, match=r"cannot (read|list) .*/in: .*; check the address"):
        ask(RemoteFolder(f"{bucket.url}/in"))  # type: ignore[operator] # any callable
