"""The example form, filled."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from docs.examples.form import make
from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.forms.template import Template
from inkdigit.synth.glyphs import Hand

Page = NDArray[np.uint8]


@pytest.fixture(scope="session")
def form() -> Template:
    return make.load()


@pytest.fixture(scope="session")
def handwriting() -> Dataset:
    return mnist.load()[1]


@pytest.fixture(scope="session")
def page(form: Template, handwriting: Dataset) -> Page:
    """The example form with the answers of filled.jpg, as a scanner at 300 dots an inch sees it."""
    rng = np.random.default_rng(1)
    return make.fill(make.blank(form), form, make.TRUTH["filled.jpg"], handwriting, rng, Hand(width=0.08, slant=0.1))
