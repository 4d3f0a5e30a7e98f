"""Files of pictures and pages -> their lines of digits, by a reader here or by a running Inkdigit server."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from inkdigit.errors import InkdigitError
from inkdigit.imaging.documents import Page, pages
from inkdigit.imaging.preprocess import read_file
from inkdigit.reading.annotate import Annotations
from inkdigit.reading.client import Server
from inkdigit.reading.file_results import Outcome, PictureError, Read
from inkdigit.reading.reader import Layout, Reader
from inkdigit.reading.results import Reading
from inkdigit.recognizer import Recognizer

# A result has "text", "lines" and "rejected"; and "annotated", where that picture was written.


@dataclass(frozen=True)
class Options:
    """layout, min_confidence: as for Reader.read. annotate: the folder where annotated pictures are written, if any."""

    layout: Layout
    min_confidence: float
    annotate: Path | None


def told(outcome: Outcome, *, named: bool) -> list[str]:
    """Lines for people: each line of digits, after the picture's name where it is `named` or a page among others."""
    lines = str(outcome.result["text"]).splitlines()
    return [f"{outcome.name}: {line}" for line in lines] if named or outcome.page is not None else lines


def local_reader(run: Path | None, options: Options) -> Read:
    """Reads pictures one after the other with the model of a run, or the one that ships, in this process."""
    reader = Reader(Recognizer.load(*([run] if run else [])))
    annotations = Annotations(options.annotate) if options.annotate else None

    def read(file: Path) -> Generator[Outcome]:
        for page in _pages(file, _content(file)):
            try:
                picture = page.picture()
                reading = reader.read(
                    picture, layout=options.layout, min_confidence=options.min_confidence, name=page.name
                )
            except InkdigitError as error:
                yield Outcome(file, error=str(error), page=page.number)
                continue
            result = reading.to_dict()
            if annotations:
                result["annotated"] = str(annotations.write(file, page.number, picture, reading))
            yield Outcome(file, result, page=page.number)

    return read


def remote_reader(server: Server, options: Options) -> Read:
    """Sends a file to a server, which reads its pictures."""
    route = f"/v1/read?{urlencode({'layout': options.layout, 'min_confidence': options.min_confidence})}"
    annotations = Annotations(options.annotate) if options.annotate else None

    def read(file: Path) -> Generator[Outcome]:
        content = _content(file)
        found = server.ask(route, file, content, _readings)
        places = _pages(file, content) if annotations else []
        for place, (number, reading) in enumerate(found):
            result = reading.to_dict()
            if annotations:
                result["annotated"] = str(annotations.write(file, number, places[place].picture(), reading))
            yield Outcome(file, result, page=number)

    return read


def _content(file: Path) -> bytes:
    try:
        return read_file(file)
    except InkdigitError as error:
        raise PictureError(str(error)) from error


def _pages(file: Path, content: bytes) -> list[Page]:
    try:
        return pages(content, str(file))
    except InkdigitError as error:
        raise PictureError(str(error)) from error


def _readings(results: Any) -> list[tuple[int | None, Reading]]:
    return [(result.get("page"), Reading.from_dict(result)) for result in results]
