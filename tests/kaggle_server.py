"""A server on this machine that replies as Kaggle's API does, as far as Kaggle's client uses it for a competition."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "KGAT_a-token"
SUBMITTED = "Successfully submitted to Digit Recognizer"


@dataclass
class Kaggle:
    """The state of the server.

    Attributes:
        files: the competition's files, content by name.
        refusals: status and message by operation, such as `CreateSubmission`.
        submissions: message and content of each submission.
        uploaded: the last file that was uploaded.
        port: the port that the server listens on.
    """

    files: dict[str, bytes]
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    submissions: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    uploaded: bytes = b""
    port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that make Kaggle's client use this server, with a valid token.

        The client can be configured to call http://localhost without a port: this server is its proxy for that address.
        """
        proxy = f"http://127.0.0.1:{self.port}"
        return {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "KAGGLE_API_TOKEN": TOKEN,
            **dict.fromkeys(("HTTP_PROXY", "http_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
        }


@contextmanager
def serving(files: dict[str, bytes]) -> Generator[Kaggle]:
    """Start the server on a free port; stop it after the block."""
    kaggle = Kaggle(files)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, kaggle)) as server:
        kaggle.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield kaggle
        server.shutdown()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """Replies as Kaggle does."""

    def __init__(self, kaggle: Kaggle, *arguments: Any):
        self.kaggle = kaggle
        super().__init__(*arguments)

    def do_POST(self) -> None:
        operation = self.path.rsplit("/", 1)[1]
        request = json.loads(self.read_body())
        if operation == "IntrospectToken":
            self.reply({"active": request["token"] == TOKEN, "username": "ink"})
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.reply({"code": 401, "message": "Unauthenticated"}, 401)
        elif operation in self.kaggle.refusals:
            status, message = self.kaggle.refusals[operation]
            self.reply({"code": status, "message": message}, status)
        elif operation == "DownloadDataFiles":
            self.send_response(302)
            self.send_header("Location", "http://localhost/storage/archive.zip")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif operation == "StartSubmissionUpload":
            self.reply({"token": "blob", "createUrl": "http://localhost/upload"})
        elif operation == "CreateSubmission":
            self.kaggle.submissions.append((request["submissionDescription"], self.kaggle.uploaded))
            self.reply({"message": SUBMITTED, "ref": 1})
        else:
            self.reply({"code": 404, "message": operation}, 404)

    def do_GET(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.kaggle.files.items():
                archive.writestr(name, content)
        self.send(packed.getvalue(), "application/zip")

    def do_PUT(self) -> None:
        if "upload" in self.kaggle.refusals:
            self.read_body()
            self.send(b"", "text/plain", self.kaggle.refusals["upload"][0])
        else:
            self.kaggle.uploaded = self.read_body()
            self.send(b"", "text/plain")

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def reply(self, content: dict[str, Any], status: int = 200) -> None:
        self.send(json.dumps(content).encode(), "application/json", status)

    def send(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""
