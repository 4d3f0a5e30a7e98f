"""The model that comes with the package."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inkdigit import prepare
from inkdigit.data import mnist
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import NOT_DIGIT_MODEL, SHIPPED_RUN
from tests.paths import REAL

DIGITS = REAL / "digits"


def test_it_recognises_digits_that_it_was_not_trained_on() -> None:
    digits = mnist.load()[1]
    assert (Recognizer.load().predict(digits.images[:2000]) == digits.required_labels[:2000]).mean() > 0.99


@pytest.mark.parametrize(("name", "least"), [("semeion", 0.96), ("ardis", 0.985)])
def test_it_recognises_digits_of_other_writers_and_forms(name: str, least: float) -> None:
    if not DIGITS.is_dir():
        pytest.skip(f"the development data are not at {REAL}")
    with np.load(DIGITS / f"{name}.npz") as arrays:
        images, digits = np.stack([prepare(picture) for picture in arrays["x"]]), arrays["y"]
    assert (Recognizer.load().predict(images) == digits).mean() >= least


def test_it_is_small_and_says_how_it_was_made() -> None:
    manifest = json.loads((SHIPPED_RUN / "manifest.json").read_text())
    assert {path.name for path in SHIPPED_RUN.iterdir()} == {"manifest.json", "line", *manifest["files"]}
    assert sum(path.stat().st_size for path in SHIPPED_RUN.rglob("*")) < 4 << 20
    assert manifest["made_by"] == "python tools/ship.py"
    assert manifest["figures"]["scored"] == "10,000 held-out rows"
    assert manifest["figures"]["training_rows"] <= 60_000
    assert manifest["settings"]["preset"] == "best"
    assert manifest[NOT_DIGIT_MODEL]["settings"]["seed"] == manifest["settings"]["seed"] == 0
