"""What became of each picture in some files."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError

Result = dict[str, Any]  # as the API gives it


class PictureError(InkdigitError):
    """One picture cannot be read; others may."""


@dataclass(frozen=True)
class Outcome:
    """A picture's result, or a sentence why there is none. page: where its file has pages, counted from 1."""

    file: Path
    result: Result = field(default_factory=dict[str, Any])
    error: str | None = None
    page: int | None = None

    @property
    def name(self) -> str:
        """The picture's name, for people."""
        return printable(str(self.file)) + ("" if self.page is None else f", page {self.page}")

    def to_json(self) -> str:
        """One compact line."""
        about = {"file": str(self.file)} | ({} if self.page is None else {"page": self.page})
        content = about | ({"error": self.error} if self.error else self.result)
        return printable(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def printable(text: str) -> str:
    """What is no letter, as a file's name may hold, as an escape, which in JSON means the same."""
    return text.encode("utf-8", "backslashreplace").decode()


Read = Callable[[Path], Iterable[Outcome]]


def outcomes(files: Iterable[Path], read: Read) -> Generator[Outcome]:
    """Read one file after the other. One that cannot be read does not keep the others from it.

    Raises InkdigitError where no picture at all can be read, as with a server that is not there.
    """
    for file in files:
        try:
            yield from read(file)
        except PictureError as error:
            yield Outcome(file, error=str(error))
