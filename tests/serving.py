"""The real server, in its own process, on 127.0.0.1."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True)
class Served:
    """A running server: its address, its process, and the file that its log goes to."""

    url: str
    process: subprocess.Popen[str]
    log_file: Path

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rpartition(":")[2])

    def log(self) -> list[dict[str, Any]]:
        """The lines of JSON in its log so far."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines() if line.startswith("{")]

    def client(self, **options: Any) -> httpx.Client:
        """A client of this server."""
        # With `verify` it would first read all root certificates.
        return httpx.Client(base_url=self.url, timeout=30, verify=False, **options)

    def get(self, path: str) -> httpx.Response:
        """Send a GET on a new connection."""
        with self.client() as client:
            return client.get(path)

    def post(self, path: str, **content: Any) -> httpx.Response:
        """Send a POST on a new connection."""
        with self.client() as client:
            return client.post(path, **content)


@contextmanager
def served(
    *options: object,
    environment: Mapping[str, str] | None = None,
    files: int | None = None,
    is_log_read: bool = True,
) -> Generator[Served]:
    """Start `inkdigit serve` on a free port and wait until it serves; it is killed when the block ends.

    Args:
        options: of the command; without --model it serves the model that ships.
        environment: further variables.
        files: how many files it may have open.
        is_log_read: False lets its log run into a pipe that nobody reads.
    """
    port = [] if "--port" in options else ["--port", "0"]
    command = [str(Path(sys.executable).with_name("inkdigit")), "serve", *port, *map(str, options)]
    if files:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', *command]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            log.open("w") as stderr,
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=stderr if is_log_read else subprocess.PIPE,
                text=True,
                env={**os.environ, **(environment or {})},
            ) as process,
        ):
            try:
                assert process.stdout
                address = re.search(r"http://\S+:\d+", process.stdout.readline())
                assert address, f"it did not start: {log.read_text()}"
                yield Served(address[0], process, log)
            finally:
                process.kill()
