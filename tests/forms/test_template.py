"""form.toml: what it says is understood, what it says wrong is told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdigit.errors import InkdigitError
from inkdigit.forms.check_digits import CHECKS
from inkdigit.forms.template import DIGITS, Marks, load

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


BAD = [
    ("page = [210, 297]", "page = [210]", "[form]: page = [210] does not fit: give 2 numbers from 10 to 2000, in mm."),
    ("page = [210, 297]", "", "[form]: page is missing: see docs/forms.md."),
    ("page = [210, 297]", "pages = 1", '[form]: there is no key "pages": did you mean page?'),
    ("page = [210, 297]", "page = [210, nan]", "[form]: page = [210, nan] does not fit"),
    ("size = 6", "size = 90", "[form], marks: size = 90 does not fit: give a number from 3 to 50."),
    ("inset = 8", "inset = 98", "[form], marks: marks of that size and inset leave no room"),
    ("{ size = 6, inset = 8 }", '"corners"', "[form]: marks = 'corners' does not fit: it is a table"),
    ('name = "year"', "", "field 1: name is missing"),
    ('name = "year"', 'name = "=1+1"', "field 1: name = '=1+1' does not fit: give letters, digits and _"),
    ('name = "card"', 'name = "year"', 'field 2: the name "year" would be the same as another column'),
    ('name = "card"', 'name = "year_confidence"', 'field 2: the name "year_confidence" would be'),
    ('name = "year"', 'name = "error"', 'field 1: the name "error" would be'),
    ("[20, 30, 40, 9.5]", "[20, 30, 400, 9]", 'field 1 ("year"): box = [20, 30, 400, 9] does not fit: it reaches'),
    ("[20, 30, 40, 9.5]", "[20, 30, 0, 9]", 'field 1 ("year"): box = [20, 30, 0, 9] does not fit: give x, y'),
    ("[20, 30, 40, 9.5]", '"here"', "field 1 (\"year\"): box = 'here' does not fit: give 4 numbers"),
    ("boxes = 4", "boxes = 3", 'field 1 ("year"): boxes = 3 does not fit: 4 digits need as many.'),
    ("boxes = 4", "boxes = 30", 'field 1 ("year"): boxes = 30 does not fit: they would be less than 2 mm wide'),
    ("boxes = 4", "boxes = 4\nlength = 5", 'field 1 ("year"): length = 5 does not fit: the pattern has 4 digits'),
    ("boxes = 4", "box_count = 4", 'field 1 ("year"): there is no key "box_count"'),
    ("[12]9#[0-357]", "19?#", 'field 1 ("year"): pattern = \'19?#\' does not fit: "?" at place 3 is none of these'),
    ("[12]9#[0-357]", "19[3-1]#", "pattern = '19[3-1]#' does not fit: [3-1] has no digits"),
    ("[12]9#[0-357]", "19[", "pattern = '19[' does not fit: \"[\" at place 3"),
    ("[12]9#[0-357]", "", "pattern = '' does not fit: give 1 to 64 digits"),
    ('check = "luhn"', 'check = "sum"', "field 2 (\"card\"): check = 'sum' does not fit: choose one of luhn, mod97"),
    ("length = 16", "length = 1", "field 2 (\"card\"): check = 'luhn' does not fit: it takes numbers of 2 digits"),
    ("length = 16", "length = 1.5", 'field 2 ("card"): length = 1.5 does not fit: give a whole number from 1 to 64.'),
    ("min_confidence = 0.99", "min_confidence = 99", "min_confidence = 99 does not fit: give a number from 0 to 1."),
    ("optional = true", "optional = 1", "optional = 1 does not fit: give true or false."),
    ("[form]", "[formular]", 'form.toml: there is no key "formular": did you mean form?'),
    ("[form]", "field = 3\n[form]", "form.toml is not TOML"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), BAD)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(InkdigitError) as raised:
        load(path)
    told = str(raised.value)
    assert sentence in told
    assert told.startswith(str(path))
    assert told.endswith((".", "?"))
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[form]\npage = [9, 9]", "page = [9, 9] does not fit"),
        ("[form]\npage = [90, 90]", "field is missing"),
        ("field = []\n[form]\npage = [90, 90]", "write [[field]] above each"),
        ("form = 1", "form = 1 does not fit: it is a table"),
        ("", "form is missing"),
    ],
)
def test_what_is_hardly_a_template_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InkdigitError, match="form") as raised:
        load(written(tmp_path, text))
    assert sentence in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InkdigitError, match=r"absent\.toml cannot be read: No such file"):
        load(tmp_path / "absent.toml")
