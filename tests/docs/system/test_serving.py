"""docs/serving.md, followed from top to bottom: its servers start and its examples run as they are written."""

from __future__ import annotations

import json
import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from PIL import Image

from inkdigit.service.openapi.parts import page, png
from tests.docs.system.test_tutorial import blocks, follow
from tests.handmade import bare_run
from tests.onnx_models import constant_model
from tests.paths import DOCS
from tests.serving import Served, served

PAGE = DOCS / "serving.md"


class Reader:
    """Somebody who follows the page in a folder, with one server at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.servers = folder, ExitStack()
        self.server: Served | None = None
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path}

    def do(self, before: str, language: str, block: str) -> str:
        """Start the server of a block, or follow it; what is printed."""
        if language == "sh" and block.startswith("inkdigit serve"):
            self.servers.close()
            self.server = self.servers.enter_context(served(*shlex.split(block)[2:]))
            return ""
        assert self.server
        text = block.replace("http://127.0.0.1:8000", self.server.url)
        printed = follow(before, language, text, self.folder, self.environment)
        if block.startswith("inkdigit api-key"):
            self.environment["INKDIGIT_KEY"] = printed.strip()
        return printed


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are a shell's")
def test_every_server_starts_and_every_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    (tmp_path / "seven.png").write_bytes(png())
    (tmp_path / "page.png").write_bytes(png(page()))
    page().save(tmp_path / "scan.pdf")
    Image.new("L", (90, 90), 255).save("blank.png")
    bare_run(tmp_path / "runs" / "mine", constant_model(3))
    bare_run(tmp_path / "models" / "1", constant_model(4))
    reader = Reader(tmp_path)
    done: list[tuple[str, str]] = []
    with reader.servers:
        for before, language, block in blocks(PAGE):
            if language in {"sh", "python", "toml"}:
                done.append((block, reader.do(before, language, block)))
            elif language == "json":
                shown, got = (json.loads(text)["results"] for text in (block, done[-1][1]))
                assert shown[0]["digit"] == got[0]["digit"]
                assert shown[0]["probabilities"] == pytest.approx(got[0]["probabilities"], abs=0.05)
            elif language == "yaml":
                assert reader.server
                (job,) = yaml.safe_load(block)["scrape_configs"]
                assert reader.server.get(job["metrics_path"]).status_code == 200
            else:
                assert language == "nginx"

    def printed(words: str) -> str:
        (text,) = [text for block, text in done if words in block]
        return text

    assert len([block for block, _ in done if block.startswith("inkdigit serve")]) == 6
    assert [result["digit"] for result in json.loads(printed("-F file=@seven.png"))["results"]] == [7, None]
    assert json.loads(printed("X-API-Key: $INKDIGIT_KEY"))["results"][0]["digit"] == 7
    assert printed('open("seven.png"').startswith("7 0.99")
    (read,) = json.loads(printed("@page.png"))["results"]
    assert len(read["text"]) == 3
    photo, scan = printed("scan.pdf").splitlines()
    assert photo.startswith(f"None ['{read['text']}'] [[")
    assert scan.startswith("1 ['")
    assert printed("three ones") == "[1, 1, 1]\n"
    assert printed("* 27}").startswith("422 pixels ")
