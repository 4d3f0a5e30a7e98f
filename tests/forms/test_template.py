"""form.toml: a template is understood, and a mistake in it is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdigit.forms.check_digits import CHECKS
from inkdigit.forms.template import DIGITS, Marks, load
from tests.errors import refused

GOOD = """
[form]
page = [210, 297]
marks = { size = 6, inset = 8 }
[[field]]
name = "year"
box = [20, 30, 40, 9.5]
pattern = "[12]9#[0-357]"
boxes = 4
[[field]]
name = "card"
box = [20, 50, 80, 9]
length = 16
check = "luhn"
min_confidence = 0.99
optional = true
"""


def written(folder: Path, text: str) -> Path:
    (folder / "form.toml").write_text(text, encoding="utf-8")
    return folder / "form.toml"


def test_a_template_is_understood(tmp_path: Path) -> None:
    form = load(written(tmp_path, GOOD))
    assert form.page == (210, 297)
    assert form.marks == Marks(6, 8)
    year, card = form.fields
    assert (year.name, year.box, year.boxes, year.min_confidence, year.optional) == (
        "year", (20, 30, 40, 9.5), 4, 0.9, False,
    )  # fmt: skip
    assert year.rule.allowed == (frozenset("12"), frozenset("9"), DIGITS, frozenset("012357"))
    assert year.rule.share == pytest.approx(0.2 * 0.1 * 1 * 0.6)
    assert card.rule.allowed == (DIGITS,) * 16
    assert card.rule.check is CHECKS["luhn"]
    assert (card.boxes, card.min_confidence, card.optional) == (0, 0.99, True)


# What is replaced in the template, by what, the error's code, and the places it names.
BAD = [
    ("page = [210, 297]", "page = [210]", "form-value-invalid", "[form]: page"),
    ("page = [210, 297]", "", "form-key-missing", "[form]: page"),
    ("page = [210, 297]", "pages = 1", "form-key-unknown", '[form]: there is no key "pages": did you mean page?'),
    ("page = [210, 297]", "page = [210, nan]", "form-value-invalid", "[form]: page = [210, nan]"),
    ("size = 6", "size = 90", "form-value-invalid", "[form], marks: size = 90"),
    ("inset = 8", "inset = 98", "form-value-invalid", "[form], marks"),
    ("{ size = 6, inset = 8 }", '"corners"', "form-value-invalid", "[form]: marks"),
    ('name = "year"', "", "form-key-missing", "field 1: name"),
    ('name = "year"', 'name = "=1+1"', "form-value-invalid", "field 1: name = '=1+1'"),
    ('name = "card"', 'name = "year"', "form-field-duplicate", 'field 2: the name "year"'),
    ('name = "card"', 'name = "year_confidence"', "form-field-duplicate", 'field 2: the name "year_confidence"'),
    ('name = "year"', 'name = "error"', "form-field-duplicate", 'field 1: the name "error"'),
    ("[20, 30, 40, 9.5]", "[20, 30, 400, 9]", "form-value-invalid", 'field 1 ("year"): box = [20, 30, 400, 9]'),
    ("[20, 30, 40, 9.5]", "[20, 30, 0, 9]", "form-value-invalid", 'field 1 ("year"): box = [20, 30, 0, 9]'),
    ("[20, 30, 40, 9.5]", '"here"', "form-value-invalid", "field 1 (\"year\"): box = 'here'"),
    ("boxes = 4", "boxes = 3", "form-value-invalid", 'field 1 ("year"): boxes = 3'),
    ("boxes = 4", "boxes = 30", "form-value-invalid", 'field 1 ("year"): boxes = 30'),
    ("boxes = 4", "boxes = 4\nlength = 5", "form-value-invalid", 'field 1 ("year"): length = 5'),
    ("boxes = 4", "box_count = 4", "form-key-unknown", 'field 1 ("year"): there is no key "box_count"'),
    ("[12]9#[0-357]", "19?#", "form-value-invalid", "field 1 (\"year\"): pattern = '19?#'", '"?" at place 3'),
    ("[12]9#[0-357]", "19[3-1]#", "form-value-invalid", "pattern = '19[3-1]#'", "[3-1] has no digits"),
    ("[12]9#[0-357]", "19[", "form-value-invalid", "pattern = '19['", '"[" at place 3'),
    ("[12]9#[0-357]", "", "form-value-invalid", "pattern = ''"),
    ('check = "luhn"', 'check = "sum"', "form-value-invalid", "field 2 (\"card\"): check = 'sum'", "luhn, mod97"),
    ("length = 16", "length = 1", "form-value-invalid", "field 2 (\"card\"): check = 'luhn'"),
    ("length = 16", "length = 1.5", "form-value-invalid", 'field 2 ("card"): length = 1.5'),
    ("min_confidence = 0.99", "min_confidence = 99", "form-value-invalid", "min_confidence = 99"),
    ("optional = true", "optional = 1", "form-value-invalid", "optional = 1"),
    ("[form]", "[formular]", "form-key-unknown", 'form.toml: there is no key "formular": did you mean form?'),
]


@pytest.mark.parametrize("case", BAD, ids=[" ".join(case[1:3]) for case in BAD])
def test_a_mistake_is_refused_with_its_field_and_key(tmp_path: Path, case: tuple[str, ...]) -> None:
    old, new, code, *places = case
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with refused(code, path, *places) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("[form]\npage = [9, 9]", "form-value-invalid", "page = [9, 9]"),
        ("[form]\npage = [90, 90]", "form-key-missing", "field"),
        ("field = []\n[form]\npage = [90, 90]", "form-value-invalid", "[[field]]"),
        ("form = 1", "form-value-invalid", "form = 1"),
        ("", "form-key-missing", "form"),
    ],
)
def test_a_file_that_is_hardly_a_template_is_refused(tmp_path: Path, text: str, code: str, place: str) -> None:
    path = written(tmp_path, text)
    with refused(code, path, place):
        load(path)


def test_a_file_that_is_not_there_or_not_toml_is_refused(tmp_path: Path) -> None:
    with refused("file-not-found", "absent.toml"):
        load(tmp_path / "absent.toml")
    path = written(tmp_path, GOOD.replace("[form]", "field = 3\n[form]"))
    with refused("toml-invalid", path):
        load(path)
