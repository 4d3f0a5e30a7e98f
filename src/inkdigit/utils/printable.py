"""Names, which may hold anything -> text that can be printed, saved, or put into a table."""

from __future__ import annotations

from unicodedata import category

# Control characters such as ESC and newline, bytes that are not UTF-8 (surrogates), line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # reorder a line
# A cell that begins so is a formula to a spreadsheet, or hides one.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def printable(text: str) -> str:
    """A text, such as one with a file's name -> one line for people, with an escape for what would not be seen.

    In JSON the escapes mean the characters themselves. A text that is printable already stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    unseen = category(character) in _UNPRINTABLE or character in _DIRECTIONS
    return f"\\u{ord(character):04x}" if unseen else character


def encodable(text: str) -> str:
    """A text for a file of data -> the same, with an escape for each byte that is not UTF-8, and for nothing else."""
    return text.encode("utf-8", "backslashreplace").decode()


def table_cell(text: str) -> str:
    """A text -> a printable cell of a CSV table, with an apostrophe where a spreadsheet would see a formula."""
    return f"'{printable(text)}" if text.startswith(_FORMULA_STARTS) else printable(text)
