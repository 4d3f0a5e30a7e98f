"""What a bulk job and the engine that works on it have in common. The command line chooses the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from socket import gethostname
from typing import Protocol

from inkdigit.bulk.destination import Destination
from inkdigit.bulk.location import Location
from inkdigit.bulk.parts import Part
from inkdigit.bulk.predictions import Options
from inkdigit.utils.limits import Limits


@dataclass(frozen=True)
class BulkJob:
    """What all parts of a job have in common. It is pickled for other processes, and small.

    Attributes:
        source: the folder that the names of files are relative to.
        destination: where the predictions go.
        options: what to predict.
        limits: what reading a picture may take.
        host: the machine that listed the source.
    """

    source: Location
    destination: Destination
    options: Options
    limits: Limits = field(default_factory=Limits)
    host: str = field(default_factory=gethostname)


@dataclass(frozen=True)
class PartResult:
    """A part whose predictions are written.

    Attributes:
        number: of the part.
        rows: how many rows were written.
        errors: how many of these hold an error in place of a prediction.
    """

    number: int
    rows: int
    errors: int


class Engine(Protocol):
    """Works on the parts of a job: processes of this machine (`bulk.local`), or a cluster (`cluster.bulk`)."""

    def __call__(self, job: BulkJob, parts: Sequence[Part], workers: int | None, /) -> Iterator[PartResult]:
        """Work on the parts in any order, and yield each one's result as soon as its predictions are written.

        Args:
            job: what all parts have in common.
            parts: what is to be done.
            workers: processes at a time; None: one for each core.

        Raises:
            InkdigitError: the job cannot go on. What was yielded is finished.
        """
        ...
