"""`inkdigit bulk`: a collection -> a folder of Parquet files with an answer for each input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np

from inkdigit.bulk import collection, local
from inkdigit.bulk.collection import ROWS, Collection, Part
from inkdigit.bulk.destination import FORMAT, Destination
from inkdigit.bulk.predictions import Options
from inkdigit.bulk.progress import BulkProgress
from inkdigit.bulk.rows import AT_ONCE, Block, Rows
from inkdigit.bulk.worker import Done, Work
from inkdigit.data.loading import check_ink
from inkdigit.errors import InkdigitError
from inkdigit.runs.run import ONNX_MODEL, SHIPPED_RUN, file_checksum, read_verified
from inkdigit.utils.extras import require_extra
from inkdigit.utils.progress import console

Layout = Literal["page", "line", "single"]
Engine = Callable[[Work, Sequence[Part], int | None], Iterator[Done]]

_LOOKS = ROWS // AT_ONCE  # parts, from all over a collection, that are looked at first


def run(
    source: str,
    destination: str,
    *,
    layout: Layout | None,
    probabilities: bool,
    model: Path | None,
    workers: int | None,
    engine: Literal["local", "ray"],
) -> None:
    """Answer all of `source` into `destination`, but for what is there already.

    layout: of pictures; None is a page. model: a run's folder; None is the one that ships. workers: processes. Raises
    InkdigitError where there is nothing to do, or no place for it; what cannot be read is a row with its error.
    """
    engine_run = _engine(engine)
    digits = collection.DIGITS if layout == "single" else collection.PAGES
    place = Destination.at(destination)
    found = collection.find(source, place.folder, pictures_at_once=digits)
    _check(source, found, layout)
    options = Options((layout or "page") if found.pictures else "rows", probabilities)
    folder = model or SHIPPED_RUN
    work = Work(found.folder, place, options)
    job = _job(source, found, options, file_checksum(folder, ONNX_MODEL))
    with work.destination.claimed(job, read_verified(folder, ONNX_MODEL)):
        _work(work, found, engine_run, workers)
    console.print(f"Answers: {destination}")


def _engine(name: Literal["local", "ray"]) -> Engine:
    if name == "local":
        return local.run
    require_extra("cluster", "--engine ray")
    from inkdigit.cluster import bulk

    return bulk.run


def _check(source: str, found: Collection, layout: Layout | None) -> None:
    """Raise InkdigitError for what would be answered wrongly without a word, or cannot be answered here."""
    if found.pictures:
        if layout != "single":
            require_extra("read", "Reading lines of digits")
        return
    if layout:
        raise InkdigitError(f"--{layout} is for pictures, and {source} holds rows of pixels: leave it out.")
    rows, first = Rows(found.folder), None
    try:
        for block in _spread(rows, [part for part in found.parts if not part.problem]):
            first = first or block
            images = np.delete(block.images, [*block.errors], axis=0)
            if len(images):
                check_ink(source, images)
                return
    finally:
        rows.close()
    raise InkdigitError(first.errors[0] if first else f"{source} holds no rows: name files with digits.")


def _spread(rows: Rows, parts: Sequence[Part]) -> Iterator[Block]:
    """All rows, where they are no more than a part may have; else so many, from all over the parts."""
    if sum(part.rows for part in parts) <= ROWS:
        yield from chain.from_iterable(map(rows.read, parts))
        return
    each, step, left = ROWS // len(parts), -(-len(parts) // _LOOKS), ROWS
    for part in chain.from_iterable(parts[start::step] for start in range(step)):
        taken = 0
        for block in rows.read(part):
            yield block
            taken += len(block.rows)
            if taken + len(block.rows) > each:
                break
        left -= taken
        if left <= 0:
            return


def _job(source: str, found: Collection, options: Options, model: str) -> dict[str, Any]:
    identity = {"format": FORMAT, "source": found.fingerprint, "model": model, "options": vars(options)}
    if options.layout not in {"rows", "single"}:
        from inkdigit.reading.line_model.spec import SHIPPED_LINE_MODEL

        identity["line detector"] = file_checksum(SHIPPED_LINE_MODEL, ONNX_MODEL)
    return {"source": source, "parts": len(found.parts), "rows": found.rows, "identity": identity}


def _work(work: Work, found: Collection, engine: Engine, workers: int | None) -> None:
    finished = work.destination.finished()
    left = [part for part in found.parts if part.number not in finished]
    before, unit = found.rows - sum(part.rows for part in left), "pictures" if found.pictures else "rows"
    if before:
        console.print(f"{before:,} of {found.rows:,} {unit} were done before.")
    if not left:
        return
    planned = {part.number: part.rows for part in left}
    try:
        with BulkProgress(unit, found.rows, before) as progress:
            for done in engine(work, left, workers):
                progress.done(done, planned.pop(done.number))
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted: what is done is kept, and the same command goes on.") from None
    console.print(progress.summary())
