"""A real Ray cluster on this machine: a head and a second node, each in processes of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent
# A node that died is missed within seconds, not half a minute. The token is named, for a head takes one that an earlier
# Ray has left in the home directory, and a second node does not.
WATCHFUL = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_health_check_initial_delay_ms": "500",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here are marked: `make cluster` runs them, after installing Ray, and nothing else does."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@dataclass
class Cluster:
    """Nodes of one processor each. `address` is that of the head, which the command finds by `environment`."""

    address: str
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that is to use this cluster."""
        return {**os.environ, **WATCHFUL, "RAY_ADDRESS": self.address}

    def add(self, *options: str) -> psutil.Process:
        """Start a node and wait until it is one."""
        command = [Path(sys.executable).with_name("ray"), "start", "--block", "--num-cpus=1", "--disable-usage-stats"]
        memory = f"--object-store-memory={200 * 2**20}"
        log = subprocess.DEVNULL
        self.nodes.append(
            subprocess.Popen([*command, memory, *options], env={**os.environ, **WATCHFUL}, stdout=log, stderr=log)
        )
        return psutil.Process(self.nodes[-1].pid)

    def add_worker(self) -> psutil.Process:
        """Start another node beside the head."""
        return self.add(f"--address={self.address}")

    def command(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run `inkdigit` as a driver of this cluster."""
        command = [Path(sys.executable).with_name("inkdigit"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)

    @staticmethod
    def kill(node: psutil.Process) -> None:
        """End a node and its workers as a power cut does."""
        for process in [*node.children(recursive=True), node]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def processors(self) -> int:
        """How many the cluster has now, asked in a process of its own."""
        asked = "import ray; ray.init(log_to_driver=False); print(int(ray.cluster_resources().get('CPU', 0)))"
        command = [sys.executable, "-c", asked]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)
        return int(done.stdout or 0)

    def wait_for(self, processors: int) -> None:
        """Return once the cluster has that many."""
        for _ in range(30):
            if self.processors() == processors:
                return
        raise AssertionError("that node never came")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    """A cluster of two nodes."""
    with headed(tmp_path_factory.mktemp("r")) as made:
        made.add_worker()
        made.wait_for(2)
        yield made


@contextlib.contextmanager
def headed(folder: Path, *options: str) -> Generator[Cluster]:
    """A cluster of a head; all its nodes end with the block. folder: a short one, since sockets live in it."""
    port = free_port()
    made = Cluster(f"127.0.0.1:{port}")
    try:
        made.add("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}", *options)
        wait_for_port(port)
        yield made
    finally:
        for node in made.nodes:
            if node.poll() is None:
                made.kill(psutil.Process(node.pid))
            node.wait()


def wait_for_port(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the head never came")
