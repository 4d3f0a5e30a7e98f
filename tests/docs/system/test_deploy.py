"""The container and the Kubernetes manifest, with the real linter, command and server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

from inkdigit.service.settings import gather
from tests.docs.deployment import DOCKERFILE, container, environment, instructions, manifests
from tests.serving import served

BIN = Path(sys.executable).parent


def test_the_dockerfile_passes_the_linter() -> None:
    linted = subprocess.run([BIN / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_images_command_takes_the_variables_of_a_pod() -> None:
    given = environment()
    (command,) = map(json.loads, instructions()["ENTRYPOINT"])
    printed = subprocess.run(
        [BIN / command[0], *command[1:], "--print-config"],
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert tomllib.loads(printed) == asdict(gather(None, given, {}))


def test_every_probe_asks_for_what_the_server_has(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    subprocess.run([BIN / "inkdigit", "api-key", "alice", "--file", keys], check=True, capture_output=True)
    here = {"INKDIGIT_HOST": "127.0.0.1", "INKDIGIT_API_KEY_FILE": str(keys)}
    probes = [container()[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    (line,) = instructions()["HEALTHCHECK"]
    check = json.loads(line[line.index("[") :])
    with served(environment=environment() | here) as server:
        for probe in probes:
            assert probe["port"] == "http"
            assert server.get(probe["path"]).status_code == 200
        assert server.post("/v1/digits").status_code == 401  # the keys are asked for
        variables = os.environ | {"INKDIGIT_PORT": str(server.port)}
        command = [sys.executable, *check[1:]]
        assert subprocess.run(command, env=variables, capture_output=True, check=False).returncode == 0
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "Connection refused" in ended.stderr


def test_the_service_cannot_set_what_the_server_reads() -> None:
    spec = manifests()["Deployment"]["spec"]["template"]["spec"]
    assert spec["enableServiceLinks"] is False  # or Kubernetes sets INKDIGIT_PORT=tcp://10.0.0.1:80
    variables = os.environ | {"INKDIGIT_PORT": "tcp://10.0.0.1:80"}
    command = [sys.executable, "-m", "inkdigit", "serve", "--print-config"]
    refused = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
