"""A collection on Ray: its parts go through Ray Data to a pool of actors, each with a core of its own."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Generator, Sequence
from typing import Any

from inkdigit.bulk.collection import Part
from inkdigit.bulk.worker import Done, Work, Worker
from inkdigit.cluster.connection import connected, lacking, processors
from inkdigit.errors import InkdigitError

MOST_BLOCKS = 10_000  # that Ray Data keeps account of; where there are more parts, a block has several

Statuses = dict[str, list[Any]]


def run(work: Work, parts: Sequence[Part], workers: int | None) -> Generator[Done]:
    """Do the parts in any order; tell of each when it is done. workers: actors; None: one for each core of the cluster.

    A node that is lost takes no part with it: Ray gives its work to another one. What travels back is a row for each
    part; answers are written where they are made. Raises InkdigitError where the job cannot go on.
    """
    # Of each actor Ray says that it could not restart if what it was made with were lost; the driver keeps that.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    with connected():
        import ray.data
        from ray.exceptions import RayError

        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        count = min(workers or processors(), len(parts))
        blocks = min(len(parts), MOST_BLOCKS)
        items = ray.data.from_items([{"part": pickle.dumps(part)} for part in parts], override_num_blocks=blocks)
        pool = ray.data.ActorPoolStrategy(size=count)
        done = items.map_batches(_Actor, batch_size=1, compute=pool, num_cpus=1, fn_constructor_kwargs={"work": work})
        try:
            for row in done.iter_rows():
                if row["problem"]:
                    raise InkdigitError(row["problem"])
                yield Done(row["number"], row["rows"], row["errors"])
        except RayError as error:
            if told := lacking(error):
                raise told from None
            raise


class _Actor:
    """Does parts in a process of a cluster."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._worker: Worker | None = None

    def __call__(self, batch: dict[str, Any]) -> Statuses:
        part: Part = pickle.loads(batch["part"][0])  # noqa: S301 - our own
        try:
            self._worker = self._worker or Worker(self._work)
            done = self._worker.do(part)
        except InkdigitError as error:
            return {"number": [part.number], "rows": [0], "errors": [0], "problem": [str(error)]}
        return {"number": [done.number], "rows": [done.rows], "errors": [done.errors], "problem": [""]}
