"""What became of each picture in some files: what was read in it, or why nothing was."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from inkdigit.errors import InkdigitError
from inkdigit.utils.printable import printable

Result = dict[str, Any]  # the fields of a result in the API


class PictureError(InkdigitError):
    """One picture cannot be read; others may."""


@dataclass(frozen=True)
class FileResult:
    """What became of one picture.

    Attributes:
        file: the picture's file.
        result: what was read in it; empty where nothing could be read.
        error: one sentence saying what went wrong; None where nothing did. With a result, only drawing it failed.
        page: the picture's number in a file with pages, counted from 1.
    """

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
        place = {"file": str(self.file)} | ({} if self.page is None else {"page": self.page})
        content = place | self.result | ({"error": self.error} if self.error else {})
        return printable(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


class ReadFile(Protocol):
    """Reads the pictures in a file."""

    def __call__(self, file: Path, skipped: int = 0, /) -> Iterable[FileResult]:
        """Read all pictures in a file but the first ones, as many as `skipped`."""
        ...


def read_files(files: Iterable[Path], read: Callable[[Path], Iterable[FileResult]]) -> Generator[FileResult]:
    """Read one file after the other; a file that cannot be read does not keep the others from being read.

    Raises:
        InkdigitError: no picture at all can be read, as from a server that is not there.
    """
    for file in files:
        try:
            yield from read(file)
        except PictureError as error:
            yield FileResult(file, error=str(error))
