"""Names are shown as they are, in one line, and never as something else."""

from __future__ import annotations

import json

import pytest

from inkdigit.utils.printable import encodable, printable, table_cell

PLAIN = ["plain.png", "f\u00fcll [/b] :smile: =1.png", "\u6587\u3000.png", "\u00a0", "\U0001f468\u200d\U0001f469", ""]


@pytest.mark.parametrize("name", PLAIN)
def test_a_name_of_any_script_stays_as_it_is(name: str) -> None:
    assert printable(name) == encodable(name) == table_cell(name) == name


@pytest.mark.parametrize(
    "character", ["\x1b", "\n", "\r", "\t", "\0", "\x7f", "\x9b", "\udcfc", "\u2028", "\u2029", "\u202e", "\u2066"]
)
def test_what_would_not_be_seen_is_an_escape(character: str) -> None:
    shown = printable(f"a{character}b")
    assert shown == f"a\\u{ord(character):04x}b"
    assert json.loads(f'"{shown}"') == f"a{character}b"


def test_data_keeps_all_but_bytes_that_are_not_utf_8() -> None:
    assert encodable("a\n\x1b\udcfc") == "a\n\x1b\\udcfc"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert table_cell(text) == f"'{printable(text)}"
