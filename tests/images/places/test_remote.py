"""Objects as files, at a real S3 server on loopback."""

import io
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import PIL.Image
import pytest
from objects import Bucket
from textures import levels

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places import remote, store, target
from upsample_cli.images.read import decode, header

HEAD = 1 << 16


def picture(format: str = "png", side: int = 200) -> bytes:
    file = io.BytesIO()
    options = {"compression": "tiff_adobe_deflate"} if format == "tiff" else {}
    PIL.Image.fromarray(levels(side, side, 3)).save(file, format, **options)
    return file.getvalue()


def read(bucket: Bucket, key: str) -> list[str]:
    """Return the ranges in which an object was read."""
    get = "GET", f"/{bucket.name}/{key}"
    return [each.range for each in bucket.server.requests if (each.method, each.path) == get]


def test_a_picture_is_read_by_one_request(bucket: Bucket) -> None:
    """To decode an object it is fetched once, without asking for its size before."""
    bucket.put("a.png", picture())
    assert decode.decode(f"{bucket.url}/a.png").picture.size == (200, 200)
    assert [(each.method, each.range) for each in bucket.server.requests[1:]] == [
        ("GET", "bytes=0-")
    ]


@pytest.mark.parametrize("format", ["png", "jpeg", "bmp", "tga", "ppm"])
def test_a_size_is_read_from_the_head(bucket: Bucket, format: str) -> None:
    """Of a large picture 64 KB are fetched, by one request."""
    bucket.put("large", data := picture(format, 700))
    assert len(data) > HEAD
    assert header.size(f"{bucket.url}/large") == (700, 700)
    assert read(bucket, "large") == [f"bytes=0-{HEAD - 1}"]


def test_a_head_may_be_at_the_end(bucket: Bucket) -> None:
    """Of a TIFF that has its directory behind its pixels, these are not fetched."""
    bucket.put("large", data := picture("tiff", 1500))
    assert len(data) > 4 << 20
    assert header.size(f"{bucket.url}/large") == (1500, 1500)
    first, *others = [each.removeprefix("bytes=").split("-") for each in read(bucket, "large")]
    assert first == ["0", str(HEAD - 1)]
    assert sum(int(end) - int(start) for start, end in others) < 2 << 20


@pytest.mark.parametrize("length", [0, 1, HEAD - 1, HEAD, HEAD + 1, 3 * HEAD])
def test_a_head_goes_on_to_the_whole(bucket: Bucket, length: int) -> None:
    """Read on, or from its end, a head has the bytes of the object, of whatever length."""
    bucket.put("a", data := (bytes(range(256)) * (3 * 256))[:length])
    with remote.head(f"{bucket.url}/a") as file:
        assert file.read(10) == data[:10]
        assert file.read() == data[10:]
        assert file.read() == b""
        assert file.seek(0, io.SEEK_END) == length
        file.seek(max(0, length - 3))
        assert file.read() == data[-3:]


def test_a_picture_on_the_web_is_read(tmp_path: Path) -> None:
    """A server that knows no ranges gives all of it, also where the head was asked for."""
    (tmp_path / "a.png").write_bytes(picture())
    handler = partial(Web, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/a.png"
        assert header.size(url) == (200, 200)
        assert decode.decode(url).picture.size == (200, 200)
        missing = pytest.raises(ImageFileError, match=r"no\.png: not there; check the name")
        with missing:
            header.size(url.replace("a.png", "no.png"))
        server.shutdown()


class Web(SimpleHTTPRequestHandler):
    """Gives files."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_nothing_is_put_when_the_block_fails(bucket: Bucket, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """An object appears when the block ends, and not at all if it fails; no file is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with suppress(KeyboardInterrupt), target.opened(f"{bucket.url}/a.png") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert bucket.keys() == []
    with target.opened(f"{bucket.url}/a.png") as file:
        file.write(b"whole")
        assert bucket.keys() == []
    assert bucket.get("a.png") == b"whole"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["long" * 70 + ".png", "a.b:c?", "no suffix"])
def test_a_key_need_be_no_name_of_a_file(bucket: Bucket, name: str) -> None:
    """Keys that the disk would not take as a name are put as others are."""
    with target.opened(f"{bucket.url}/{name}") as file:
        file.write(b"whole")
    with remote.edited(f"{bucket.url}/{name}.csv", anew=True) as path:
        Path(path).write_bytes(b"rows\n")
    assert bucket.contents(name) == {"": b"whole", ".csv": b"rows\n"}


def test_what_cannot_be_put_is_told(bucket: Bucket) -> None:
    """A store that does not take an object is an error with the reason."""
    bucket.server.refused["PUT", f"/{bucket.name}/a.png"] = (507, "NoRoom")
    denied = pytest.raises(ImageFileError, match=r"cannot write s3://.*: It says NoRoom; check")
    with denied, target.opened(f"{bucket.url}/a.png") as file:
        file.write(b"whole")
    assert bucket.keys() == []


def test_an_upload_in_parts_that_fails_leaves_none(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too large for one request is put in parts, which go where one of them fails."""
    files = store.of(bucket.url)
    monkeypatch.setattr(files, "put_file", partial(files.put_file, chunksize=5 << 20))
    for status in (None, (400, "NoRoom")):
        if status:
            bucket.server.refused["PUT", f"/{bucket.name}/b.png"] = status
        try:
            with target.opened(f"{bucket.url}/{'b' if status else 'a'}.png") as file:
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
    lost = pytest.raises(ImageFileError, match=r"It says ExpiredToken; put it there yourself: .*")
    with lost as raised, remote.edited(f"{bucket.url}/rows.csv", anew=False) as path:
        Path(path).write_bytes(b"rows\n")
    assert str(raised.value).endswith(path)
    assert Path(path).read_bytes() == b"rows\n"


def test_a_copy_is_put_back_where_it_has_changed(bucket: Bucket) -> None:
    """A local copy has what is there, unless it begins anew, and goes back also by an error."""
    bucket.put("rows.csv", b"old\n")
    url = f"{bucket.url}/rows.csv"
    with remote.edited(url, anew=False) as path:
        assert Path(path).read_bytes() == b"old\n"
    assert not any(each.method == "PUT" for each in bucket.server.requests[1:])
    with suppress(KeyboardInterrupt), remote.edited(url, anew=False) as path:
        with Path(path).open("ab") as file:
            file.write(b"new\n")
        raise KeyboardInterrupt
    assert bucket.get("rows.csv") == b"old\nnew\n"
    with remote.edited(url, anew=True) as path:
        assert Path(path).read_bytes() == b""
        Path(path).write_bytes(b"anew\n")
    assert bucket.get("rows.csv") == b"anew\n"
    assert not Path(path).parent.exists()
