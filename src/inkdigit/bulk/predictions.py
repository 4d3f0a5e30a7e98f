"""A part of a collection -> a table of predictions, a row for each input. The same on one machine and on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from inkdigit.bulk.location import Location, UnreachableError, picture_errors, read_errors
from inkdigit.bulk.parts import Part
from inkdigit.bulk.rows import Block, RowReader
from inkdigit.errors import InkdigitError
from inkdigit.imaging.documents import Page, pages
from inkdigit.imaging.preprocess import MAX_FILE_SIZE, prepare
from inkdigit.recognizer import Recognizer
from inkdigit.utils.files import read_at_most
from inkdigit.utils.limits import Limits, limited
from inkdigit.utils.printable import encodable, printable

Layout = Literal["rows", "page", "line", "single"]
Row = dict[str, Any]

PROBABILITIES_TYPE = pa.list_(pa.float32(), 10)
_ERROR = pa.field("error", pa.string())


@dataclass(frozen=True)
class Options:
    """What to predict.

    Attributes:
        layout: what each picture shows; "rows" where the collection holds rows of pixels.
        probabilities: whether the ten probabilities of each digit are written too.
    """

    layout: Layout
    probabilities: bool

    @property
    def schema(self) -> Any:
        """The columns of the predictions, a pyarrow schema."""
        digit = [("digit", pa.uint8()), ("confidence", pa.float32())]
        digit += [("probabilities", PROBABILITIES_TYPE)] if self.probabilities else []
        if self.layout == "rows":
            return pa.schema([("file", pa.string()), ("row", pa.int64()), *digit, _ERROR])
        if self.layout == "single":
            return pa.schema([("file", pa.string()), *digit, _ERROR])
        boxed = pa.struct([*digit, ("box", pa.list_(pa.int32(), 4))])
        lines = pa.list_(pa.struct([("text", pa.string()), ("digits", pa.list_(boxed))]))
        return pa.schema([("file", pa.string()), ("page", pa.int32()), ("text", pa.string()), ("lines", lines), _ERROR])


class Predictor:
    """Predicts parts, one after the other, on one thread.

    Args:
        folder: what the names of files are relative to.
        model: the bytes of the ONNX file that predicts.
        options: what to predict.
        limits: what reading a picture may take; the process ends where it takes longer.
    """

    def __init__(self, folder: Location, model: bytes, options: Options, limits: Limits) -> None:
        self._folder, self._options, self._limits = folder, options, limits
        self._recognizer = Recognizer(model, threads=1)
        self._rows = RowReader(folder)
        if options.layout not in {"rows", "single"}:
            import cv2

            from inkdigit.reading.reader import Reader

            cv2.setNumThreads(1)
            self._layout: Any = options.layout
            self._reader = Reader(self._recognizer, threads=1)

    def predict(
        self, part: Part, skip: Collection[int] = (), on_picture: Callable[[int], object] = lambda _: None
    ) -> Any:
        """A part -> a pyarrow table with a row for each of its rows or pictures, and for each page of a picture.

        Args:
            part: what to read.
            skip: indices of pictures that are not opened, since processes died over them; each has an error.
            on_picture: called with the index of each picture before it is read.

        Raises:
            UnreachableError: another machine does not respond.
        """
        schema = self._options.schema
        if part.kind != "pictures":
            name = encodable(part.files[0])
            return pa.Table.from_batches([self._predict_rows(name, block) for block in self._rows.read(part)], schema)
        rows: list[Row] = []
        for index, name in enumerate(part.files):
            if index in skip:
                found = [Row(error=self._fatal(name))]
            else:
                on_picture(index)
                found = self._predict_picture(name)
            rows += [{"file": encodable(name)} | row for row in found]
        return pa.Table.from_pylist(rows, schema)

    def _fatal(self, name: str) -> str:
        seconds = f"{self._limits.seconds:g} seconds"
        return (
            f"{printable(name)} took more than {seconds} to read, or ended the process: look at it, or allow more time."
        )

    def errors_only(self, part: Part, error: str) -> Any:
        """A table with a row for each row or picture of a part, which all hold the same error."""
        files = part.files * (part.rows // len(part.files))
        rows = [
            {"file": encodable(name), "row": part.first + index, "error": printable(error)}
            for index, name in enumerate(files)
        ]
        return pa.Table.from_pylist(rows, self._options.schema)

    def _predict_rows(self, name: str, block: Block) -> Any:
        probabilities = self._recognizer.predict_proba(block.images)
        count = len(probabilities)
        has_error = np.zeros(count, np.bool_)
        has_error[list(block.errors)] = True
        errors = {index: printable(error) for index, error in block.errors.items()}
        columns = {
            "file": pa.repeat(name, count),
            "row": pa.array(block.rows),
            "digit": pa.array(probabilities.argmax(axis=1).astype(np.uint8), mask=has_error),
            "confidence": pa.array(probabilities.max(axis=1), mask=has_error),
            "error": pa.array([errors.get(index) for index in range(count)], pa.string()),
        }
        if self._options.probabilities:
            flat = pa.array(probabilities.reshape(-1))
            columns["probabilities"] = pa.FixedSizeListArray.from_arrays(flat, 10, mask=pa.array(has_error))
        schema = self._options.schema
        return pa.RecordBatch.from_arrays([columns[field] for field in schema.names], schema=schema)

    def _predict_picture(self, name: str) -> Iterator[Row]:
        """A row for a picture, or for each of its pages."""
        try:
            content = self._content(name)
            if self._options.layout == "single":
                with limited(self._limits, name):
                    row = self._predict_single(name, content)
                yield row
                return
            with limited(self._limits, name):
                found = pages(content, name)
        except UnreachableError:
            raise
        except InkdigitError as error:
            yield {"error": printable(str(error))}
            return
        for page in found:
            try:
                with limited(self._limits, page.name):
                    row = self._predict_page(page)
                yield {"page": page.number} | row
            except InkdigitError as error:
                yield {"page": page.number, "error": printable(str(error))}

    def _content(self, name: str) -> bytes:
        system, path = self._folder.system, self._folder.join(name)
        with read_errors(name, is_local=self._folder.is_local), system.open(path, "rb") as stream:
            content = read_at_most(stream, MAX_FILE_SIZE)
        if len(content) > MAX_FILE_SIZE:
            raise InkdigitError(
                f"{name} has more than {MAX_FILE_SIZE >> 20} MiB: make it smaller.", code="file-too-large"
            )
        return content

    def _predict_single(self, name: str, content: bytes) -> Row:
        with picture_errors(name):
            probabilities = self._recognizer.predict_proba(prepare(content, name=name)[None])[0]
        digit = int(probabilities.argmax())
        return {"digit": digit, "confidence": probabilities[digit], "probabilities": probabilities}

    def _predict_page(self, page: Page) -> Row:
        with picture_errors(page.name):
            reading = self._reader.read(page.picture(), layout=self._layout, name=page.name)
        return {"text": reading.text, "lines": [line.to_dict() for line in reading.lines]}
