"""An S3 server on loopback that can hold back or refuse requests."""

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

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A request to the server.

    Args:
        method: GET, HEAD, PUT...
        path: The bucket and the key.
        query: The part after the question mark.
        range: The range of bytes; empty for all.
    """

    method: str
    path: str
    query: str
    range: str


@dataclass
class Server:
    """The server and its requests.

    Args:
        url: The server's address.
        requests: All requests so far.
        held: Methods and paths of requests that the server does not answer yet.
        refused: Methods and paths that get an error; its status and code.
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
        """A client of boto3, which the product does not use; it is slow to create."""
        return boto3.client("s3", endpoint_url=self.url)

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        """Answer a WSGI request."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        byte_range = environ.get("HTTP_RANGE", "")
        with self._changed:
            self.requests.append(Request(method, path, environ["QUERY_STRING"], byte_range))
            self._changed.notify_all()
            self._changed.wait_for(lambda: (method, path) not in self.held)
        if (method, path) in self.refused:
            status, code = self.refused[method, path]
            body = f"<Error><Code>{code}</Code><Message>It says {code}.</Message></Error>"
            return Response(body, status, content_type="application/xml")(environ, start)
        return self._app(environ, start)

    def wait_for(self, method: str, path: str) -> None:
        """Wait until a request has arrived."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: any((item.method, item.path) == (method, path) for item in self.requests),
                30,
            )
        assert arrived, (method, path)

    def release(self) -> None:
        """Answer the requests that are held."""
        with self._changed:
            self.held.clear()
            self._changed.notify_all()


class Bucket:
    """A bucket for one test, accessed through boto3, which the product does not use.

    Args:
        server: The server.
        name: The bucket's name.
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

    def content_type(self, key: str) -> str:
        """Return the content type of an object."""
        return self._client.head_object(Bucket=self.name, Key=key)["ContentType"]

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that begin with a prefix, sorted."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        )
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def contents(self, prefix: str) -> dict[str, bytes]:
        """Return the objects below a prefix; the keys are without the prefix."""
        return {key.removeprefix(prefix): self.get(key) for key in self.keys(prefix)}

    def unfinished(self) -> list[Any]:
        """Return multipart uploads that were neither completed nor aborted."""
        return self._client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])


@contextmanager
def run_server() -> Iterator[Server]:
    """Start a server and set the environment variables that point to it."""
    server = Server()
    http_server = make_server("127.0.0.1", 0, server, threaded=True, request_handler=_QuietHandler)
    http_server.daemon_threads = True
    server.url = f"http://127.0.0.1:{http_server.server_port}"
    thread = threading.Thread(target=http_server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        yield server
    server.release()
    server.client.close()
    http_server.shutdown()
    thread.join()
    http_server.server_close()


class _QuietHandler(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Print nothing."""
