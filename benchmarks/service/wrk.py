"""Load by wrk: as many requests as the server answers, over connections that stay open."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .digits import Request

SCRIPT = """
local next = 0
request = function()
  next = next % #requests + 1
  return requests[next]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p99": %f}\\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True)
class Load:
    """The result of a load. p50, p99: milliseconds; processor_seconds: used by wrk itself."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float
    processor_seconds: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def check_installed() -> None:
    if not shutil.which("wrk"):
        sys.exit(
            "wrk, which makes the load, is not installed: apt-get install wrk (Debian, Ubuntu) or brew install wrk."
        )


def load(port: int, requests: Sequence[Request], connections: int, seconds: int) -> Load:
    """Send the requests in turn, by one thread, for some seconds."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "requests.lua"
        lines = [f"requests[{i}] = {_lua(request)}" for i, request in enumerate(requests, 1)]
        script.write_text("\n".join(["requests = {}", "init = function()", *lines, "end", SCRIPT]), encoding="ascii")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script)]
        before = os.times()
        output = subprocess.run([*command, f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True)
        after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Load(**json.loads(output.stdout.splitlines()[-1]), processor_seconds=used)


def _lua(request: Request) -> str:
    """The expression that makes the request's bytes."""
    headers = f'{{["Content-Type"] = "{request.content_type}"}}' if request.content_type else "nil"
    body = '"' + "".join(f"\\{byte:03d}" for byte in request.body) + '"' if request.body else "nil"
    return f'wrk.format("{request.method}", "{request.path}", {headers}, {body})'
