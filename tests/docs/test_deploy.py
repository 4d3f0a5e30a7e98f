"""The container and the Kubernetes manifest: valid, and in agreement with the package."""

from __future__ import annotations

import re
import tomllib

import kubernetes_validate
import pytest

from inkdigit.service.settings import ServiceSettings, gather, variable
from tests.docs.deployment import container, environment, instructions, manifests, pod
from tests.paths import ROOT


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


def test_the_drain_fits_into_the_time_that_kubernetes_gives() -> None:
    settings = gather(None, environment(), {})
    ready = container()["readinessProbe"]
    assert settings.grace > 2 * ready["periodSeconds"] * ready["failureThreshold"]
    most = settings.grace + settings.deadline + settings.read_timeout + 1
    assert pod()["terminationGracePeriodSeconds"] > most


def test_the_objects_mean_each_other() -> None:
    found = manifests()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    target = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", found["Deployment"]["metadata"]["name"])
    assert found["Service"]["spec"]["ports"][0]["targetPort"] == "http"
