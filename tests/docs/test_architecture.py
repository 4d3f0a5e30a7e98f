"""docs/architecture.md names what is there: rooms, their order, files and versions."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.paths import DOCS, ROOT

PACKAGE = ROOT / "src" / "inkdigit"
TEXT = (DOCS / "architecture.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
(DRAWING,) = re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL)
LABELS = dict(re.findall(r'^ +(\w+)\["(.*)"\]$', DRAWING, re.MULTILINE))
ROOMS = {node: re.findall(r"(?:^|<br>)([\w.]+): ", label) for node, label in LABELS.items()}


def test_every_room_in_the_drawing_is_there() -> None:
    named = [room for rooms in ROOMS.values() for room in rooms]
    assert len(named) > 15
    assert [room for room in named if not (PACKAGE / room).exists()] == []


def test_every_folder_and_file_of_the_package_is_named() -> None:
    found = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    named = {room for rooms in ROOMS.values() for room in rooms} | set(re.findall(r"`([\w.]+)/?`", TEXT))
    assert found - named == {"py.typed"} & found


def test_the_drawing_has_the_order_that_import_linter_enforces() -> None:
    drawn = [node for line in DRAWING.splitlines() if "-->" in line for node in line.strip().split(" --> ")]
    order = [" | ".join(room.removesuffix(".py") for room in ROOMS[node]) for node in dict.fromkeys(drawn)]
    assert order == PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]


def test_every_file_that_is_named_is_there() -> None:
    paths = set(re.findall(r"`((?:src|tests|docs)/[\w./-]*)`", TEXT))
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("library", ["uvicorn", "keras"])
def test_the_versions_are_those_of_the_pins(library: str) -> None:
    (allowed, tested) = re.findall(rf"^\| {library} \| `(.*?)` \| (\S+) \|", TEXT, re.MULTILINE | re.IGNORECASE)[0]
    (pin,) = re.findall(rf"^{library}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    extras = PROJECT["project"]["optional-dependencies"]
    (limit,) = {
        line.partition(";")[0] for extra in ("train", "serve") for line in extras[extra] if line.startswith(library)
    }
    assert (library + allowed, tested) == (limit, pin)
