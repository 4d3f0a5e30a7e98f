"""The documents' links, and the commands that they name."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from inkdigit.cli import main
from tests.paths import DOCS, ROOT

DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.glob("*.md")),
    ROOT / "benchmarks" / "RESULTS.md",
    ROOT / "deploy" / "README.md",
]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    broken: list[str] = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = document if not path else document.parent / path
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def commands(group: click.Group, prefix: str = "") -> set[str]:
    """All commands, such as `data split`."""
    found: set[str] = set()
    for key, command in group.commands.items():
        found |= commands(command, f"{prefix}{key} ") if isinstance(command, click.Group) else {f"{prefix}{key}"}
    return found


def test_the_table_of_commands_names_every_command_and_no_other() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    named = re.findall(r"`inkdigit ((?:data )?[a-z][a-z-]*)\b", text)
    assert set(named) == commands(main)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_options_in_command_lines_are_options_of_the_command(document: Path) -> None:
    """Each line of a block of shell commands that calls inkdigit is parsed as far as its option names."""
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    unknown: list[str] = []
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in re.findall(r"^(?:\.venv/bin/)?inkdigit (.*)$", block, re.MULTILINE):
            words = line.partition(" #")[0].split()
            command: click.Command = main
            while isinstance(command, click.Group) and words and words[0] in command.commands:
                command = command.commands[words.pop(0)]
            options = {
                option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
            }
            given = {word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)}
            unknown += [f"{command.name} {option}" for option in given - options - {"--help", "-h"}]
    assert unknown == []
