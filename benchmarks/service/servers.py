"""Servers as processes of their own, ours and the peers, from the command to the end."""

from __future__ import annotations

import hashlib
import http.client
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from inkdigit.utils.files import cache_dir

HERE = Path(__file__).parents[1]
START_SECONDS = 120  # TensorFlow takes its time
STOP_SECONDS = 30


@dataclass(frozen=True)
class Contestant:
    """How a server is started and where it takes pictures. `{port}` in the command becomes the port."""

    name: str
    command: tuple[str, ...]
    png_path: str = "/v1/png"
    png_in_json: bool = False


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    contestant: Contestant
    port: int
    process: subprocess.Popen[bytes]

    def resident(self) -> float:
        """MiB of memory that its processes hold."""
        return sum(process.memory_info().rss for process in self._processes()) / 2**20

    def processor_seconds(self) -> float:
        """What its processes have used of the processor so far."""
        times = [process.cpu_times() for process in self._processes()]
        return sum(time.user + time.system for time in times)

    def rest(self) -> None:
        """Wait until it is idle: work left over would slow down the next server."""
        used, before = self.processor_seconds(), -1.0
        while used - before > 0.02:
            time.sleep(0.25)
            used, before = self.processor_seconds(), used

    def _processes(self) -> list[psutil.Process]:
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]


def ours(*options: str) -> Contestant:
    command = (sys.executable, "-m", "inkdigit", "serve", "--port", "{port}", *options)
    return Contestant("Inkdigit", command, png_path="/v1/digits")


def peers(run: Path) -> list[Contestant]:
    """The peers, each in its own environment, made if it is missing."""
    return [
        _peer("FastAPI, plain handler", "fastapi_inline", run),
        _peer("LitServe", "litserve_digits", run, png_in_json=True),
        _peer("BentoML", "bentoml_digits", run),
        _peer("Flask + Keras `predict`", "flask_keras", run),
    ]


def _peer(name: str, stem: str, run: Path, png_in_json: bool = False) -> Contestant:
    script = HERE / "peers" / f"{stem}.py"
    command = (str(environment(script)), str(script), str(run.resolve()), "{port}")
    return Contestant(name, command, "/v1/digits" if png_in_json else "/v1/png", png_in_json)


def environment(script: Path) -> Path:
    """The Python of an environment with the packages that the head of `script` names (PEP 723)."""
    head = re.findall(r"^# (?!///)(.*)$", script.read_text(encoding="utf-8"), re.MULTILINE)
    packages = tomllib.loads("\n".join(head))["dependencies"]
    digest = hashlib.sha256("\n".join(packages).encode()).hexdigest()[:8]
    folder = cache_dir() / "peers" / f"{script.stem}-{digest}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.is_file():
        print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        install(python, packages)
        ready.touch()
    return python


def install(python: Path, packages: Sequence[str]) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True, stdout=sys.stderr)


@contextmanager
def running(contestant: Contestant, folder: Path) -> Generator[Server]:
    """Start the server on a free port of 127.0.0.1, with its output in `folder`; end it with SIGTERM."""
    port = free_port()
    command = [part.format(port=port) for part in contestant.command]
    with (folder / f"{Path(command[1]).stem}-{port}.log").open("w+b") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        server = Server(contestant, port, process)
        family = psutil.Process(process.pid)
        try:
            _wait_until_open(server, log.name)
            yield server
        finally:
            children = family.children(recursive=True) if process.poll() is None else []
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            for child in psutil.wait_procs(children, 5)[1]:
                child.kill()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _wait_until_open(server: Server, log: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        time.sleep(0.01)
    sys.exit(f"{server.contestant.name} did not start; it said:\n{Path(log).read_text(errors='replace')[-2000:]}")


def ask(port: int, method: str, path: str, content_type: str = "", body: bytes = b"") -> tuple[int, bytes]:
    """One request on a connection of its own: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": content_type} if content_type else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
