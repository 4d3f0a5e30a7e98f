"""The container and the Kubernetes manifest, parsed."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.paths import ROOT

DOCKERFILE, MANIFEST = ROOT / "deploy" / "Dockerfile", ROOT / "deploy" / "kubernetes.yaml"


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
