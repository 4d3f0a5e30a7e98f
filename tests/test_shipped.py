"""The model that comes with the package."""

from __future__ import annotations

import json

from inkdigit import runs
from inkdigit.data import mnist
from inkdigit.recognizer import Recognizer


def test_it_reads_digits_that_it_never_saw() -> None:
    digits = mnist.load()[1]
    assert (Recognizer.load().predict(digits.images[:2000]) == digits.truth[:2000]).mean() > 0.99


def test_it_is_small_and_says_how_it_was_made() -> None:
    manifest = json.loads((runs.SHIPPED / "manifest.json").read_text())
    assert {path.name for path in runs.SHIPPED.iterdir()} == {"manifest.json", *manifest["files"]}
    assert sum(path.stat().st_size for path in runs.SHIPPED.iterdir()) < 4 << 20
    assert manifest["made_by"] == "python tools/ship.py"
    assert manifest["figures"]["scored"] == "10,000 held-out rows"
    assert manifest["figures"]["training_rows"] <= 60_000
