"""The container and the manifest: linted, valid, and true to the real command and server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from inkdigit.service.settings import ServiceSettings, gather, variable
from tests.paths import ROOT
from tests.serving import served

DOCKERFILE, MANIFEST = ROOT / "deploy" / "Dockerfile", ROOT / "deploy" / "kubernetes.yaml"
BIN = Path(sys.executable).parent


def instructions() -> dict[str, list[str]]:
    """The Dockerfile's lines by instruction, each in one piece and without it."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: dict[str, list[str]] = {}
    for name, rest in re.findall(r"^([A-Z]+) (.*)$", whole, re.MULTILINE):
        found.setdefault(name, []).append(rest)
    return found


def manifests() -> dict[str, Any]:
    """The objects of the manifest by kind."""
    return {one["kind"]: one for one in yaml.safe_load_all(MANIFEST.read_text())}


def pod() -> dict[str, Any]:
    return manifests()["Deployment"]["spec"]["template"]["spec"]


def container() -> dict[str, Any]:
    return pod()["containers"][0]


def environment() -> dict[str, str]:
    """What the server finds among the variables in a pod."""
    image = dict(re.findall(r'(INKDIGIT_\w+)="([^"]*)"', " ".join(instructions()["ENV"])))
    return image | {one["name"]: one["value"] for one in container()["env"]}


def test_the_dockerfile_passes_the_linter() -> None:
    linted = subprocess.run([BIN / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_manifest_is_what_kubernetes_takes() -> None:
    assert list(manifests()) == ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"]
    for one in manifests().values():
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    wrong = manifests()["Service"] | {"specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError):  # a misspelt key is found
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_the_image_is_made_of_what_is_here() -> None:
    copied = [path for line in instructions()["COPY"] if "--from" not in line for path in line.split()[:-1]]
    assert "src" in copied
    assert all((ROOT / path).exists() for path in copied)
    seen = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in seen if line.startswith("!")} == set(copied)
    (extras,) = re.findall(r'"\.\[(.*)\]"', instructions()["RUN"][0])
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = [requirement for extra in extras.split(",") for requirement in offered[extra]]
    assert not [one for one in wanted if one.startswith(("tensorflow", "keras", "inkdigit"))]
    assert instructions()["USER"] == [
        str(manifests()["Deployment"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"])
    ]


def test_the_command_takes_every_variable_that_is_named() -> None:
    given = environment()
    assert set(given) <= {variable(name) for name in ServiceSettings.__dataclass_fields__}
    settings = gather(None, given, {})
    assert settings.host == "0.0.0.0"
    assert [str(settings.port)] == instructions()["EXPOSE"]
    assert container()["ports"] == [{"name": "http", "containerPort": settings.port}]
    (command,) = map(json.loads, instructions()["ENTRYPOINT"])
    printed = subprocess.run(
        [BIN / command[0], *command[1:], "--print-config"],
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert tomllib.loads(printed) == asdict(settings)


def test_the_drain_fits_into_the_time_that_kubernetes_gives() -> None:
    settings = gather(None, environment(), {})
    ready = container()["readinessProbe"]
    assert settings.grace > 2 * ready["periodSeconds"] * ready["failureThreshold"]
    most = settings.grace + settings.deadline + settings.read_timeout + 1
    assert pod()["terminationGracePeriodSeconds"] > most


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


def test_the_objects_mean_each_other() -> None:
    found = manifests()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    target = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", found["Deployment"]["metadata"]["name"])
    assert found["Service"]["spec"]["ports"][0]["targetPort"] == "http"
