"""A part of a collection -> a table of answers, a row for each input. The same on one machine and on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from inkdigit.bulk.collection import Part
from inkdigit.bulk.place import Place, UnreachableError, guarded, told
from inkdigit.bulk.rows import Block, Rows
from inkdigit.errors import InkdigitError
from inkdigit.imaging.documents import Page, pages
from inkdigit.imaging.preprocess import MAX_FILE_SIZE, prepare
from inkdigit.recognizer import Recognizer
from inkdigit.utils.printable import printable

Layout = Literal["rows", "page", "line", "single"]
Row = dict[str, Any]

PROBABILITIES = pa.list_(pa.float32(), 10)
_ERROR = pa.field("error", pa.string())


@dataclass(frozen=True)
class Options:
    """layout: what is in each picture; or "rows", where the collection holds rows of pixels."""

    layout: Layout
    probabilities: bool

    @property
    def schema(self) -> Any:
        """The columns of the answers."""
        found = [("digit", pa.uint8()), ("confidence", pa.float32())]
        found += [("probabilities", PROBABILITIES)] if self.probabilities else []
        if self.layout == "rows":
            return pa.schema([("file", pa.string()), ("row", pa.int64()), *found, _ERROR])
        if self.layout == "single":
            return pa.schema([("file", pa.string()), *found, _ERROR])
        digit = pa.struct([*found, ("box", pa.list_(pa.int32(), 4))])
        lines = pa.list_(pa.struct([("text", pa.string()), ("digits", pa.list_(digit))]))
        return pa.schema([("file", pa.string()), ("page", pa.int32()), ("text", pa.string()), ("lines", lines), _ERROR])


def _nothing(_: int) -> None:
    pass


class Answerer:
    """Answers parts, one after the other. model: the bytes of the ONNX file that answers; one thread works on it."""

    def __init__(self, folder: Place, model: bytes, options: Options) -> None:
        self._folder, self._options = folder, options
        self._recognizer = Recognizer(model, threads=1)
        self._rows = Rows(folder)
        if options.layout not in {"rows", "single"}:
            import cv2

            from inkdigit.reading.reader import Reader

            cv2.setNumThreads(1)
            self._layout: Any = options.layout
            self._reader = Reader(self._recognizer, threads=1)

    def answer(self, part: Part, lethal: Collection[int] = (), begin: Callable[[int], None] = _nothing) -> Any:
        """The answers to all of a part, a row for each of its rows or pictures, and for each page of a picture.

        lethal: places of pictures that are not to be touched, since processes ended over them. begin: is called with
        the place of each picture before it is read. Raises UnreachableError where another machine does not answer.
        """
        schema = self._options.schema
        if part.kind != "pictures":
            name = printable(part.files[0])
            return pa.Table.from_batches([self._answered(name, block) for block in self._rows.read(part)], schema)
        rows: list[Row] = []
        for place, name in enumerate(part.files):
            if place in lethal:
                read = [Row(error=f"{printable(name)} has ended the process that read it: look at it.")]
            else:
                begin(place)
                read = self._read(name)
            rows += [{"file": printable(name)} | row for row in read]
        return pa.Table.from_pylist(rows, schema)

    def unanswered(self, part: Part, reason: str) -> Any:
        """Rows for all of a part, with a reason why there is no answer."""
        files = part.files * (part.rows // len(part.files))
        rows = [
            {"file": printable(name), "row": part.first + place, "error": printable(reason)}
            for place, name in enumerate(files)
        ]
        return pa.Table.from_pylist(rows, self._options.schema)

    def _answered(self, name: str, block: Block) -> Any:
        probabilities = self._recognizer.predict_proba(block.images)
        count = len(probabilities)
        wrong = np.zeros(count, np.bool_)
        wrong[list(block.errors)] = True
        errors = {place: printable(error) for place, error in block.errors.items()}
        columns = {
            "file": pa.repeat(name, count),
            "row": pa.array(block.rows),
            "digit": pa.array(probabilities.argmax(axis=1).astype(np.uint8), mask=wrong),
            "confidence": pa.array(probabilities.max(axis=1), mask=wrong),
            "error": pa.array([errors.get(place) for place in range(count)], pa.string()),
        }
        if self._options.probabilities:
            flat = pa.array(probabilities.reshape(-1))
            columns["probabilities"] = pa.FixedSizeListArray.from_arrays(flat, 10, mask=pa.array(wrong))
        schema = self._options.schema
        return pa.RecordBatch.from_arrays([columns[field] for field in schema.names], schema=schema)

    def _read(self, name: str) -> Iterator[Row]:
        """What a picture shows, or each of its pages."""
        try:
            content = self._content(name)
            if self._options.layout == "single":
                yield self._single(name, content)
                return
            found = pages(content, name)
        except UnreachableError:
            raise
        except InkdigitError as error:
            yield {"error": printable(str(error))}
            return
        for page in found:
            try:
                yield {"page": page.number} | self._page(page)
            except InkdigitError as error:
                yield {"page": page.number, "error": printable(str(error))}

    def _content(self, name: str) -> bytes:
        system, path = self._folder.system, self._folder.below(name)
        with told(name, local=self._folder.local), system.open(path, "rb") as stream:
            content = stream.read(MAX_FILE_SIZE + 1)
        if len(content) > MAX_FILE_SIZE:
            raise InkdigitError(f"{name} has more than {MAX_FILE_SIZE >> 20} MiB: make it smaller.")
        return content

    def _single(self, name: str, content: bytes) -> Row:
        with guarded(name):
            probabilities = self._recognizer.predict_proba(prepare(content, name=name)[None])[0]
        digit = int(probabilities.argmax())
        return {"digit": digit, "confidence": probabilities[digit], "probabilities": probabilities}

    def _page(self, page: Page) -> Row:
        with guarded(page.name):
            reading = self._reader.read(page.picture(), layout=self._layout, name=page.name)
        return {"text": reading.text, "lines": [line.to_dict() for line in reading.lines]}
