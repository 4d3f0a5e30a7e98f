"""The real server, in a process of its own, on loopback."""

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
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def log(self) -> list[dict[str, Any]]:
        """The log's lines so far."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines() if line.startswith("{")]

    def client(self, **options: Any) -> httpx.Client:
        """A client of it."""
        # Without `verify` it would read all certificates of the world first.
        return httpx.Client(base_url=self.url, timeout=30, verify=False, **options)

    def get(self, path: str) -> httpx.Response:
        """Ask on a connection of its own."""
        with self.client() as client:
            return client.get(path)

    def post(self, path: str, **content: Any) -> httpx.Response:
        """Send on a connection of its own."""
        with self.client() as client:
            return client.post(path, **content)


@contextmanager
def served(
    *options: object, environment: Mapping[str, str] | None = None, files: int | None = None
) -> Generator[Served]:
    """Start `inkdigit serve` on a free port and wait until it serves; it is ended with the block, in whatever state.

    options: of the command; without --model it is the model that ships. files: how many it may have open.
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
                command, stdout=subprocess.PIPE, stderr=stderr, text=True, env={**os.environ, **(environment or {})}
            ) as process,
        ):
            try:
                assert process.stdout
                address = re.search(r"http://\S+:\d+", process.stdout.readline())
                assert address, f"it did not start: {log.read_text()}"
                yield Served(address[0], process, log)
            finally:
                process.kill()
