"""The extras of the package."""

from __future__ import annotations

import sys
import tomllib

import pytest

from inkdigit.utils.extras import MODULES, Extra, require_extra
from tests.errors import refused
from tests.paths import ROOT


def test_the_table_has_every_extra_that_users_install() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(MODULES) == set(project["optional-dependencies"]) - {"dev", "gpu"}


@pytest.mark.parametrize("extra", MODULES)
def test_a_missing_module_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, extra: Extra
) -> None:
    monkeypatch.setitem(sys.modules, MODULES[extra][-1], None)  # as where it is not installed
    with refused("extra-missing", "A test", MODULES[extra][-1], f'pip install "inkdigit[{extra}]"'):
        require_extra(extra, "A test")


def test_a_part_of_an_extra_may_be_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    require_extra("train", "A report", "matplotlib", "jinja2")
    with refused("extra-missing", "keras"):
        require_extra("train", "A training")


def test_a_missing_extra_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError):
        require_extra("read", "A test")
