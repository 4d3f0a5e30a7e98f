"""An engine of bulk jobs on Ray: parts go through Ray Data to a pool of actors, each with a core of its own."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from inkdigit.bulk.engine import BulkJob, PartResult
from inkdigit.bulk.parts import Part
from inkdigit.bulk.worker import Worker
from inkdigit.cluster.connection import connected, missing_on_nodes, processors
from inkdigit.errors import InkdigitError

MAX_BLOCKS = 10_000  # that Ray Data keeps account of; where there are more parts, a block has several

Columns = dict[str, list[Any]]


def run(job: BulkJob, parts: Sequence[Part], workers: int | None) -> Iterator[PartResult]:
    """Work on the parts on the cluster, as `bulk.engine.Engine` says. `workers`: actors; None: one for each core.

    The work of a node that is lost goes to another one. Predictions are written where they are made; only a row of
    figures for each part comes back.

    Raises:
        InkdigitError: the cluster cannot be used, or as `Worker`.
    """
    # Of each actor Ray says that it could not restart if what it was made with were lost; the driver keeps that.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    with connected():
        import ray.data
        from ray.exceptions import RayError

        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        count = min(workers or processors(), len(parts))
        blocks = min(len(parts), MAX_BLOCKS)
        items = ray.data.from_items([{"part": pickle.dumps(part)} for part in parts], override_num_blocks=blocks)
        pool = ray.data.ActorPoolStrategy(size=count)
        done = items.map_batches(_Actor, batch_size=1, compute=pool, num_cpus=1, fn_constructor_kwargs={"job": job})
        try:
            for row in done.iter_rows():
                if row["code"]:
                    raise InkdigitError(row["message"], code=row["code"])
                yield PartResult(row["number"], row["rows"], row["errors"])
        except RayError as error:
            raise missing_on_nodes("inkdigit", "pyarrow", "fsspec", "onnxruntime", "cv2") or error from None


class _Actor:
    """Works on parts in a process of the cluster."""

    def __init__(self, job: BulkJob) -> None:
        self._job = job
        self._worker: Worker | None = None

    def __call__(self, batch: dict[str, Any]) -> Columns:
        part: Part = pickle.loads(batch["part"][0])  # noqa: S301 - our own
        try:
            self._worker = self._worker or Worker(self._job)
            result = self._worker.process(part)
        except InkdigitError as error:
            return _columns(PartResult(part.number, 0, 0), str(error), error.code)
        return _columns(result, "", "")


def _columns(result: PartResult, message: str, code: str) -> Columns:
    values = {"number": result.number, "rows": result.rows, "errors": result.errors, "message": message, "code": code}
    return {name: [value] for name, value in values.items()}
