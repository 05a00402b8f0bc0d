"""A real S3 server on this machine, which can be looked at after every request that changes something."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

BUCKET = "reports"


@dataclass
class Bucket:
    """What stands in a bucket, and who asked for what.

    Attributes:
        url: of the server.
        changes: method and path of every request that changed something.
        after: called after each of those.
    """

    url: str = ""
    changes: list[tuple[str, str]] = field(default_factory=list)
    after: Callable[[], None] = lambda: None

    def files(self) -> dict[str, bytes]:
        """Path in the bucket → content."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys
        return {name: keys[name].value for name in list(keys)}

    def content_type(self, path: str) -> str:
        """As what a browser gets a file."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        said: str = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys[path].metadata["Content-Type"]
        return said

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request, and let it be looked at."""
        answer = self.app(environ, start_response)
        if environ["REQUEST_METHOD"] in ("PUT", "POST", "DELETE"):
            self.changes.append((environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(f"/{BUCKET}/")))
            self.after()
        return answer

    app: Any = None


@contextmanager
def bucket_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A server with one empty bucket, which the environment's variables lead to."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from moto.s3.models import s3_backends
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    bucket = Bucket(app=DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, bucket, threaded=True)
    bucket.url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "AWS_ENDPOINT_URL": bucket.url,
        "AWS_ACCESS_KEY_ID": "of-a-test",
        "AWS_SECRET_ACCESS_KEY": "secret-of-a-test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        from fsspec import filesystem

        filesystem("s3", skip_instance_cache=True).mkdir(BUCKET)
        bucket.changes.clear()
        yield bucket
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        s3_backends.reset()


def named_releases(read: Callable[[str], bytes]) -> tuple[str | None, set[str]]:
    """What a reader has of a copy: its latest release and all that it names, each found whole.

    Args:
        read: gives a file, or raises where there is none.
    """
    catalogue = json.loads(read("releases.json"))
    named = {each["name"]: each for each in catalogue["releases"] if "path" in each}
    for each in named.values():
        for name in ("report", "page"):
            assert name not in each or read(each[name])
        package = read(each["datapackage"]["path"])
        assert each["datapackage"]["hash"] == f"sha256:{hashlib.sha256(package).hexdigest()}"
        for said in json.loads(package)["resources"]:
            content = read(f"{each['path']}/feed/{said['path']}")
            assert said["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert catalogue["latest"] is None or catalogue["latest"] in named
    return catalogue["latest"], set(named)
