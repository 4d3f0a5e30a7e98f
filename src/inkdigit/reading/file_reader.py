"""Files of pictures and pages -> their lines of digits, read in this process or by a running Inkdigit server."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from PIL import Image

from inkdigit.errors import InkdigitError
from inkdigit.imaging.documents import Page, pages
from inkdigit.imaging.preprocess import read_file
from inkdigit.reading.client import Server
from inkdigit.reading.file_results import FileResult, PictureError, ReadFile
from inkdigit.reading.results import Reading

if TYPE_CHECKING:  # they open OpenCV, which only the process that reads needs
    from inkdigit.imaging.page.lines import Layout
    from inkdigit.reading.annotate import Annotations

# A result has "text", "lines" and "rejected"; and "annotated", the path of the annotated picture, if one was written.


@dataclass(frozen=True)
class Options:
    """How files are read.

    Attributes:
        layout: as for `Reader.read`.
        min_confidence: as for `Reader.read`.
        annotate: the folder that annotated pictures are written to, if any.
    """

    layout: Layout
    min_confidence: float
    annotate: Path | None


def text_lines(result: FileResult, *, named: bool) -> list[str]:
    """A result -> lines for people: each line of digits, after the picture's name if `named`, or if it is a page."""
    lines = str(result.result["text"]).splitlines()
    return [f"{result.name}: {line}" for line in lines] if named or result.page is not None else lines


def local_reader(run: Path | None, options: Options) -> ReadFile:
    """Reads pictures one after the other in this process, with the model of a run, or the one that ships."""
    from inkdigit.reading.reader import Reader
    from inkdigit.recognizer import Recognizer

    reader = Reader(Recognizer.load(*([run] if run else [])))
    annotations = _annotations(options)

    def read(file: Path, skipped: int = 0) -> Generator[FileResult]:
        for page in _pages(file, _content(file))[skipped:]:
            try:
                picture = page.picture()
                reading = reader.read(
                    picture, layout=options.layout, min_confidence=options.min_confidence, name=page.name
                )
            except InkdigitError as error:
                yield FileResult(file, error=str(error), page=page.number)
                continue
            yield _with_annotation(annotations, file, page.number, reading, lambda picture=picture: picture)

    return read


def remote_reader(server: Server, options: Options) -> ReadFile:
    """Sends a file to a server, which reads its pictures."""
    route = f"/v1/read?{urlencode({'layout': options.layout, 'min_confidence': options.min_confidence})}"
    annotations = _annotations(options)

    def read(file: Path, skipped: int = 0) -> Generator[FileResult]:
        content = _content(file)
        opened = cache(partial(pages, content, str(file)))  # only where pictures are drawn: a server may read more
        readings = enumerate(server.ask(route, file, content, _readings))
        for place, (number, reading) in islice(readings, skipped, None):
            yield _with_annotation(
                annotations, file, number, reading, lambda place=place: _picture(opened(), place, file)
            )

    return read


def _annotations(options: Options) -> Annotations | None:
    if not options.annotate:
        return None
    from inkdigit.reading.annotate import Annotations

    return Annotations(options.annotate)


def _with_annotation(
    annotations: Annotations | None,
    file: Path,
    number: int | None,
    reading: Reading,
    picture: Callable[[], Image.Image],
) -> FileResult:
    """The result of one picture, which is drawn if asked for; one that cannot be made has an error too."""
    result = reading.to_dict()
    if annotations:
        try:
            drawn = picture()
        except InkdigitError as error:
            return FileResult(file, result, f"{error} It was read, but not annotated.", number)
        result["annotated"] = str(annotations.write(file, number, drawn, reading))
    return FileResult(file, result, page=number)


def _picture(found: list[Page], place: int, file: Path) -> Image.Image:
    """The picture at a place in a file, of which a server may see more than this machine does."""
    if place >= len(found):
        raise PictureError(f"{file} has {len(found)} pages here, and more at the server.", code="pages-differ")
    return found[place].picture()


def _content(file: Path) -> bytes:
    try:
        return read_file(file)
    except InkdigitError as error:
        raise PictureError(str(error), code=error.code) from error


def _pages(file: Path, content: bytes) -> list[Page]:
    try:
        return pages(content, str(file))
    except InkdigitError as error:
        raise PictureError(str(error), code=error.code) from error


def _readings(results: Any) -> list[tuple[int | None, Reading]]:
    return [(_page_number(result.get("page")), Reading.from_dict(result)) for result in results]


def _page_number(value: Any) -> int | None:
    return None if value is None else int(value)
