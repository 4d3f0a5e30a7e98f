"""What each process does, on one machine and on a cluster: it reads a part, predicts, and writes."""

from __future__ import annotations

import os
from dataclasses import replace
from socket import gethostname
from typing import Any

from inkdigit.bulk.destination import Attempts, not_seen
from inkdigit.bulk.engine import BulkJob, PartResult
from inkdigit.bulk.location import UnreachableError, picture_errors
from inkdigit.bulk.parts import Part
from inkdigit.bulk.predictions import Predictor
from inkdigit.errors import InkdigitError

MAX_DEATHS = 2  # processes that may die over a part of rows before it is given up


class Worker:
    """Works on parts, one after the other. It is slow to make, since it loads the model.

    Raises:
        InkdigitError: `not-on-this-node` where this machine does not see the source or the destination.
    """

    def __init__(self, job: BulkJob) -> None:
        import pyarrow as pa

        pa.set_cpu_count(1)  # each core has a process of its own
        model = job.destination.model()
        if job.source.is_local and not job.source.exists():
            raise not_seen(job.source.path)
        self._shared_source = job.source if job.source.is_local and job.host != gethostname() else None
        self._destination = job.destination
        self._predictor = Predictor(job.source, model, job.options, job.limits)

    def process(self, part: Part) -> PartResult:
        """Predict a part and write its file; a part whose file is there is only counted, since Ray may ask twice.

        A part over which processes died is done with more care: one of rows is given up after `MAX_DEATHS`, and of
        pictures those over which a process died are left out.

        Raises:
            InkdigitError: the predictions cannot be written, or this is a node that does not see the files.
            UnreachableError: the source does not respond.
        """
        if counted := self._destination.count(part.number):
            return PartResult(part.number, *counted)
        self._check_seen(part)
        attempts = self._destination.attempts(part.number).begin_another()
        self._destination.note(part.number, attempts)
        try:
            with picture_errors(part.files[0]):
                table = self._predict(part, attempts)
        except UnreachableError:
            raise
        except InkdigitError as error:
            table = self._predictor.errors_only(part, str(error))
        self._destination.write(part.number, table)
        return PartResult(part.number, len(table), len(table) - table["error"].null_count)

    def _check_seen(self, part: Part) -> None:
        """Refuse a part whose files never were on this machine; where they were listed, a missing file is an error."""
        if self._shared_source and not any(os.path.lexists(self._shared_source.join(name)) for name in part.files):
            raise not_seen(self._shared_source.join(part.files[0]))

    def _predict(self, part: Part, attempts: Attempts) -> Any:
        if attempts.count == 1:
            return self._predictor.predict(part)
        if part.kind != "pictures" and attempts.count > MAX_DEATHS:
            rows = f"{part.files[0]}, rows {part.first:,} to {part.first + part.rows - 1:,}"
            raise InkdigitError(f"{rows}, ended {MAX_DEATHS} processes: look at them.", code="process-died")
        return self._predictor.predict(
            part,
            skip=attempts.fatal_pictures,
            on_picture=lambda index: self._destination.note(part.number, replace(attempts, picture=index)),
        )
