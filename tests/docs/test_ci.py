"""The workflow of GitHub Actions: every Python that the package allows."""

from __future__ import annotations

import tomllib

import yaml

from tests.paths import ROOT


def test_make_test_runs_on_every_python_that_is_allowed() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    pythons = job["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    first, last = (int(version.rpartition(".")[2]) for version in (pythons[0], pythons[-1]))
    assert project["requires-python"] == f">=3.{first},<3.{last + 1}"
    assert pythons == [f"3.{minor}" for minor in range(first, last + 1)]
    assert job["steps"][-1]["run"] == "make test PYTHON=python${{ matrix.python }}"
