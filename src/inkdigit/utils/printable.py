"""Text that may hold bytes which are not letters, as a file's name may -> text that can be printed and saved."""

from __future__ import annotations


def printable(text: str) -> str:
    """A text -> the same, with each such byte as an escape, which in JSON means the same byte."""
    return text.encode("utf-8", "backslashreplace").decode()
