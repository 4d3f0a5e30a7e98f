"""The protocols' page, followed from top to bottom against a server: its examples run as they stand."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from inkdigit.imaging.preprocess import prepare
from inkdigit.recognizer import Recognizer
from tests.conftest import part
from tests.docs.system.test_tutorial import blocks, follow
from tests.handmade import make_run
from tests.paths import DOCS
from tests.serving import served

PAGE = DOCS / "protocols.md"


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are a shell's")
def test_every_example_works_and_every_way_finds_the_seven(real_digits: Dataset, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", part(real_digits, slice(2000)), part(real_digits, slice(-100, None)))
    recognizer = Recognizer.load(run)
    sevens = real_digits.images[5000:][real_digits.required_labels[5000:] == 7]
    file = tmp_path / "seven.png"
    for seven in sevens:
        Image.fromarray(seven).save(file)
        if (recognizer.predict(np.stack([seven, prepare(file.read_bytes())])) == 7).all():
            break
    printed: list[str] = []
    with served("--model", run) as server:
        for before, language, block in blocks(PAGE):
            if language == "json":
                assert json.loads(block) == json.loads(printed[-1])
                continue
            text = block.replace("127.0.0.1:8000", server.url.removeprefix("http://"))
            printed.append(follow(before, language, text, tmp_path, dict(os.environ)))
    status, rows, picture, metadata, official, in_json, raw = printed
    assert json.loads(status)["model_version_status"][0]["version"] == "1"
    assert json.loads(metadata)["name"] == "digits"
    assert (rows, official, in_json) == ("[7]\n", "[7]\n", "[7] 42\n")
    assert np.argmax(json.loads(picture)["predictions"]) == np.argmax(np.array(raw.split(), float)) == 7
