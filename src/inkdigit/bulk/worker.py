"""What each process does, on one machine and on a cluster: a part is read, answered and written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from socket import gethostname
from typing import Any

from inkdigit.bulk.collection import Part
from inkdigit.bulk.destination import Destination, Tries, unseen
from inkdigit.bulk.place import Place, UnreachableError, guarded
from inkdigit.bulk.predictions import Answerer, Options
from inkdigit.errors import InkdigitError

MOST = 2  # processes that may end over a part of rows, before it is given up


@dataclass(frozen=True)
class Work:
    """What all parts of a job have in common; it travels to other processes, and is small.

    host: the machine that has listed the source.
    """

    source: Place
    destination: Destination
    options: Options
    host: str = field(default_factory=gethostname)


@dataclass(frozen=True)
class Done:
    """What has become of a part. rows: of its answers, with those that are errors."""

    number: int
    rows: int
    errors: int


class Worker:
    """Does parts, one after the other. It is slow to make: it loads the model."""

    def __init__(self, work: Work) -> None:
        import pyarrow as pa

        pa.set_cpu_count(1)  # each core has a process of its own
        model = work.destination.model()
        if work.source.local and not work.source.system.exists(work.source.path):
            raise unseen(work.source.path)
        self._elsewhere = work.source if work.source.local and work.host != gethostname() else None
        self._destination = work.destination
        self._answerer = Answerer(work.source, model, work.options)

    def do(self, part: Part) -> Done:
        """Answer a part, unless it is there: Ray may ask twice.

        Raises InkdigitError where the answers cannot be written or this is a node that does not see the files, and
        UnreachableError where the source does not answer.
        A part over which processes ended is done with more care: one of rows is given up after two, and of pictures
        those are left out that a process ended over.
        """
        if counted := self._destination.counted(part.number):
            return Done(part.number, *counted)
        self._check_seen(part)
        tries = self._tries(part)
        self._destination.note(part.number, tries)
        try:
            with guarded(part.files[0]):
                table = self._answered(part, tries)
        except UnreachableError:
            raise
        except InkdigitError as error:
            table = self._answerer.unanswered(part, str(error))
        self._destination.write(part.number, table)
        return Done(part.number, len(table), len(table) - table["error"].null_count)

    def _check_seen(self, part: Part) -> None:
        """A file that went away is an error on the machine that has listed it; on another one it was never there."""
        if self._elsewhere and not any(os.path.lexists(self._elsewhere.below(name)) for name in part.files):
            raise unseen(self._elsewhere.below(part.files[0]))

    def _tries(self, part: Part) -> Tries:
        earlier = self._destination.tries(part.number)
        lethal = earlier.lethal if earlier.at is None else (*earlier.lethal, earlier.at)
        return Tries(earlier.begun + 1, None, lethal)

    def _answered(self, part: Part, tries: Tries) -> Any:
        if tries.begun == 1:
            return self._answerer.answer(part)
        if part.kind != "pictures" and tries.begun > MOST:
            rows = f"{part.files[0]}, rows {part.first:,} to {part.first + part.rows - 1:,}"
            raise InkdigitError(f"{rows}, ended {MOST} processes: look at them.")
        return self._answerer.answer(
            part, tries.lethal, lambda place: self._destination.note(part.number, replace(tries, at=place))
        )
