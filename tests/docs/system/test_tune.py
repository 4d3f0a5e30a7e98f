"""docs/tune.md names every option and every setting that is searched."""

from __future__ import annotations

import re
from pathlib import Path

from inkdigit.training.config import Settings
from inkdigit.tune import space
from tests.conftest import Command
from tests.docs.system.test_tutorial import blocks
from tests.paths import DOCS

PAGE = DOCS / "tune.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_option_is_documented(run_command: Command) -> None:
    options = run_command("tune", "--help").stdout
    for option in set(re.findall(r"--[a-z-]+", options)) - {"--help", "--train", "--seed", "--trials", "--out"}:
        assert f"`{option}" in TEXT or f"inkdigit tune {option}" in TEXT


def test_every_setting_that_is_searched_is_documented() -> None:
    table = TEXT[TEXT.index("| setting |") :].split("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) >= set(space.default(Settings()))
    fixed = TEXT[TEXT.index("Any [setting]") :].split("\n\n")[0]
    assert all(f"`{name}`" in fixed for name in space.FIXED_SETTINGS if name != "preset")


def test_its_example_of_a_space_is_read(tmp_path: Path) -> None:
    (example,) = (text for _, language, text in blocks(PAGE) if language == "toml")
    (tmp_path / "space.toml").write_text(example)
    found = space.from_file(tmp_path / "space.toml", Settings())
    assert set(found) == {"filters", "kernel_size", "activation", "learning_rate", "dense"}
