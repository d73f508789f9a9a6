"""An S3 server on loopback, which can be told to hold requests or to refuse them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

NAMES = {
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What the server was asked.

    Args:
        method: GET, HEAD, PUT...
        path: The bucket and the key.
        query: What follows the question mark.
        range: Which bytes; empty for all.
    """

    method: str
    path: str
    query: str
    range: str


@dataclass
class Server:
    """The server and what happens at it.

    Args:
        url: Where it listens.
        requests: All that it was asked.
        held: Methods and paths that are answered only once this is taken out.
        refused: Methods and paths, and the status and code that they are answered with.
    """

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    held: set[tuple[str, str]] = field(default_factory=set)
    refused: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Wrap moto's application."""
        self._app = DomainDispatcherApplication(create_backend_app)
        self._changed = threading.Condition()

    @cached_property
    def client(self) -> Any:
        """Another library than the product's to look with, slow to make."""
        return boto3.client("s3", endpoint_url=self.url)

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        """Answer a request, as WSGI has it."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        asked = environ.get("HTTP_RANGE", "")
        with self._changed:
            self.requests.append(Request(method, path, environ["QUERY_STRING"], asked))
            self._changed.notify_all()
            self._changed.wait_for(lambda: (method, path) not in self.held)
        if (method, path) in self.refused:
            status, code = self.refused[method, path]
            body = f"<Error><Code>{code}</Code><Message>It says {code}.</Message></Error>"
            return Response(body, status, content_type="application/xml")(environ, start)
        return self._app(environ, start)

    def wait_for(self, method: str, path: str) -> None:
        """Wait until something has been asked."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: any((each.method, each.path) == (method, path) for each in self.requests),
                30,
            )
        assert came, (method, path)

    def release(self) -> None:
        """Answer what was held."""
        with self._changed:
            self.held.clear()
            self._changed.notify_all()


class Bucket:
    """A bucket of its own for a test, used by another library than the product's.

    Args:
        server: Where it is.
        name: What it is called.
    """

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name, self.url = server, name, f"s3://{name}"
        self._client = server.client
        self._client.create_bucket(Bucket=name)

    def put(self, key: str, data: bytes) -> None:
        """Put an object."""
        self._client.put_object(Bucket=self.name, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        """Return an object."""
        return self._client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def kind(self, key: str) -> str:
        """Return the type of an object's content."""
        return self._client.head_object(Bucket=self.name, Key=key)["ContentType"]

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._client.delete_object(Bucket=self.name, Key=key)

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that begin with a prefix, sorted."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        )
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def contents(self, prefix: str) -> dict[str, bytes]:
        """Return what is below a prefix, by the rest of its key."""
        return {key.removeprefix(prefix): self.get(key) for key in self.keys(prefix)}

    def unfinished(self) -> list[Any]:
        """Return uploads in parts that were neither completed nor given up."""
        return self._client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])


@contextmanager
def served() -> Iterator[Server]:
    """Start a server, and name it in the environment as users do."""
    app = Server()
    http = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    http.daemon_threads = True
    app.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**NAMES, "AWS_ENDPOINT_URL": app.url}.items():
            patch.setenv(name, value)
        yield app
    app.release()
    app.client.close()
    http.shutdown()
    thread.join()
    http.server_close()


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Say nothing."""
