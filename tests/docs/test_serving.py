"""docs/serving.md lists every setting and every metric of the server."""

from __future__ import annotations

import re
from pathlib import Path

from inkdigit.cli import main
from inkdigit.service.settings import ServiceSettings, variable
from inkdigit.utils.options import describe_settings
from tests.handmade import bare_run
from tests.onnx_models import constant_model
from tests.paths import DOCS
from tests.service.inprocess import local_service

PAGE = (DOCS / "serving.md").read_text(encoding="utf-8")


def test_every_setting_is_documented_and_has_an_option() -> None:
    options = {option for parameter in main.commands["serve"].params for option in parameter.opts}
    for name, default, unit, meaning in describe_settings(ServiceSettings()):
        option = f"--{name.replace('_', '-')}"
        assert f"| `{option}` | `{variable(name)}` | `{name}` | {default} | {unit} | {meaning} |" in PAGE
        assert option in options
    assert len(re.findall(r"^\| `--", PAGE, re.MULTILINE)) == len(describe_settings(ServiceSettings()))


def test_every_metric_is_documented(tmp_path: Path) -> None:
    with local_service(bare_run(tmp_path / "run", constant_model(3))) as server:
        names = re.findall(r"^# HELP (inkdigit_\w+) ", server.get("/metrics").text, re.MULTILINE)
    assert set(re.findall(r"^\| `(inkdigit_\w+)` \|", PAGE, re.MULTILINE)) == set(names)
