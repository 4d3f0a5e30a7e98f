"""A stand-in for Kaggle's API on the loopback interface, as far as Kaggle's own client uses it for a competition."""

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
ENTERED = "Successfully submitted to Digit Recognizer"


@dataclass
class Kaggle:
    """What the server knows and has been given.

    files: the competition's, by name. refusals: status and message for an operation, such as "CreateSubmission".
    submissions: message and content of each one entered.
    """

    files: dict[str, bytes]
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    submissions: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    uploaded: bytes = b""
    port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """Variables that send Kaggle's client here, with a valid token.

        The client can be told to call http://localhost and no port: this server is the proxy on the way there.
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
    """The server at work, on a free port."""
    kaggle = Kaggle(files)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, kaggle)) as server:
        kaggle.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield kaggle
        server.shutdown()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """Answers as Kaggle does."""

    def __init__(self, kaggle: Kaggle, *arguments: Any):
        self.kaggle = kaggle
        super().__init__(*arguments)

    def do_POST(self) -> None:
        operation = self.path.rsplit("/", 1)[1]
        request = json.loads(self.body())
        if operation == "IntrospectToken":
            self.answer({"active": request["token"] == TOKEN, "username": "ink"})
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.answer({"code": 401, "message": "Unauthenticated"}, 401)
        elif operation in self.kaggle.refusals:
            status, message = self.kaggle.refusals[operation]
            self.answer({"code": status, "message": message}, status)
        elif operation == "DownloadDataFiles":
            self.send_response(302)
            self.send_header("Location", "http://localhost/storage/archive.zip")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif operation == "StartSubmissionUpload":
            self.answer({"token": "blob", "createUrl": "http://localhost/upload"})
        elif operation == "CreateSubmission":
            self.kaggle.submissions.append((request["submissionDescription"], self.kaggle.uploaded))
            self.answer({"message": ENTERED, "ref": 1})
        else:
            self.answer({"code": 404, "message": operation}, 404)

    def do_GET(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.kaggle.files.items():
                archive.writestr(name, content)
        self.send(packed.getvalue(), "application/zip")

    def do_PUT(self) -> None:
        if "upload" in self.kaggle.refusals:
            self.body()
            self.send(b"", "text/plain", self.kaggle.refusals["upload"][0])
        else:
            self.kaggle.uploaded = self.body()
            self.send(b"", "text/plain")

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, content: dict[str, Any], status: int = 200) -> None:
        self.send(json.dumps(content).encode(), "application/json", status)

    def send(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
