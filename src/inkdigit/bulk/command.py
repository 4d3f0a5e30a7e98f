"""`inkdigit bulk`: a collection -> a folder of Parquet files with a row for each input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np

from inkdigit.bulk import collection
from inkdigit.bulk.collection import Collection
from inkdigit.bulk.destination import FORMAT, Destination
from inkdigit.bulk.engine import BulkJob, Engine
from inkdigit.bulk.parts import PART_ROWS, Part
from inkdigit.bulk.predictions import Options
from inkdigit.bulk.progress import BulkProgress
from inkdigit.bulk.rows import BLOCK_ROWS, Block, RowReader
from inkdigit.data.loading import check_ink
from inkdigit.errors import InkdigitError
from inkdigit.runs.run import ONNX_MODEL, SHIPPED_RUN, file_checksum, read_verified
from inkdigit.utils.extras import require_extra
from inkdigit.utils.limits import Limits
from inkdigit.utils.progress import print_line

Layout = Literal["page", "line", "single"]

_SAMPLED_PARTS = PART_ROWS // BLOCK_ROWS  # parts, spread over the collection, that are sampled first


def run(
    source: str,
    destination: str,
    *,
    layout: Layout | None,
    probabilities: bool,
    model: Path | None,
    workers: int | None,
    limits: Limits,
    engine: Engine,
) -> None:
    """Predict all of `source` into the folder `destination`, except for parts that are there already.

    What cannot be read is a row with its error.

    Args:
        source: a path, pattern or URL.
        destination: a path or URL.
        layout: what pictures show; None: a page.
        probabilities: whether the ten probabilities of each digit are written too.
        model: a run's folder; None: the run that ships.
        workers: processes at a time; None: one for each core.
        limits: what reading a picture may take.
        engine: does the parts.

    Raises:
        InkdigitError: there is nothing to do, or no place for it.
        KeyboardInterrupt: with a sentence that says how to go on.
    """
    place = Destination.at(destination)
    pictures_per_part = collection.PART_DIGITS if layout == "single" else collection.PART_PAGES
    found = collection.find(source, place.folder, pictures_per_part=pictures_per_part)
    _check(source, found, layout)
    options = Options((layout or "page") if found.pictures else "rows", probabilities)
    folder = model or SHIPPED_RUN
    about = _describe(source, found, options, file_checksum(folder, ONNX_MODEL))
    with place.claimed(about, read_verified(folder, ONNX_MODEL)):
        _work(BulkJob(found.folder, place, options, limits), found, engine, workers)
    print_line(f"Predictions: {destination}")


def _check(source: str, found: Collection, layout: Layout | None) -> None:
    """Refuse a job that would be wrong in every row, such as scaled or inverted pixels, or that cannot run here."""
    if found.pictures:
        if layout != "single":
            require_extra("read", "Reading lines of digits")
        return
    if layout:
        raise InkdigitError(
            f"--{layout} is for pictures, and {source} holds rows of pixels: leave it out.", code="option-conflict"
        )
    reader, first = RowReader(found.folder), None
    try:
        for block in _sample(reader, [part for part in found.parts if not part.problem]):
            first = first or block
            images = np.delete(block.images, [*block.errors], axis=0)
            if len(images):
                check_ink(source, images)
                return
    finally:
        reader.close()
    if first:
        raise InkdigitError(first.errors[0], code="source-unreadable")
    raise InkdigitError(f"{source} holds no rows: name files with digits.", code="source-empty")


def _sample(reader: RowReader, parts: Sequence[Part]) -> Iterator[Block]:
    """All rows, where there are at most `PART_ROWS`; else that number, spread over all parts."""
    if sum(part.rows for part in parts) <= PART_ROWS:
        yield from chain.from_iterable(map(reader.read, parts))
        return
    each, step, left = PART_ROWS // len(parts), -(-len(parts) // _SAMPLED_PARTS), PART_ROWS
    for part in chain.from_iterable(parts[start::step] for start in range(step)):
        taken = 0
        for block in reader.read(part):
            yield block
            taken += len(block.rows)
            if taken + len(block.rows) > each:
                break
        left -= taken
        if left <= 0:
            return


def _describe(source: str, found: Collection, options: Options, model: str) -> dict[str, Any]:
    """What `_job.json` says; "identity" is what must be the same to go on with a job."""
    identity = {"format": FORMAT, "source": found.fingerprint, "model": model, "options": vars(options)}
    if options.layout not in {"rows", "single"}:
        from inkdigit.reading.line_model.spec import SHIPPED_LINE_MODEL

        identity["line detector"] = file_checksum(SHIPPED_LINE_MODEL, ONNX_MODEL)
    return {"source": source, "parts": len(found.parts), "rows": found.rows, "identity": identity}


def _work(job: BulkJob, found: Collection, engine: Engine, workers: int | None) -> None:
    finished = job.destination.finished()
    left = [part for part in found.parts if part.number not in finished]
    before, unit = found.rows - sum(part.rows for part in left), "pictures" if found.pictures else "rows"
    if before:
        print_line(f"{before:,} of {found.rows:,} {unit} were done before.")
    if not left:
        return
    inputs = {part.number: part.rows for part in left}
    try:
        with BulkProgress(unit, found.rows, before) as progress:
            for result in engine(job, left, workers):
                progress.add(result, inputs.pop(result.number))
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted. To go on, give the same command again.") from None
    print_line(progress.summary())
