"""An engine of processes on this machine, each with a core of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from inkdigit.bulk.engine import BulkJob, PartResult
from inkdigit.bulk.parts import Part
from inkdigit.bulk.worker import Worker
from inkdigit.errors import InkdigitError
from inkdigit.utils.hardware import cpu_cores
from inkdigit.utils.worker_pool import Ask, Died, Failed, Finished, WorkerPool

MAX_FAILED_STARTS = 3  # processes that may die in a row while they load the model


def run(job: BulkJob, parts: Sequence[Part], workers: int | None) -> Iterator[PartResult]:
    """Work on the parts in processes, as `bulk.engine.Engine` says.

    A process that dies is replaced, and its part is done again.

    Raises:
        InkdigitError: as `Worker`; `process-died` where `MAX_FAILED_STARTS` processes die before any can begin.
    """
    failed_starts = 0  # since a part was last done
    count = min(workers or cpu_cores(), len(parts))
    by_number = {part.number: part for part in parts}
    with WorkerPool[Part, PartResult](count, _set_up, job) as pool:
        for part in parts:
            pool.submit(part.number, part)
        while by_number:
            for event in pool.wait():
                match event:
                    case Finished(result=result):
                        failed_starts = 0
                        del by_number[result.number]
                        yield result
                    case Failed(error=error):
                        raise error
                    case Died(task_id=number, exit_code=code, ready=ready):
                        failed_starts += not ready
                        if failed_starts == MAX_FAILED_STARTS:
                            raise InkdigitError(
                                f"{MAX_FAILED_STARTS} processes ended before they could begin (exit code {code}): try "
                                "fewer --workers.",
                                code="process-died",
                            )
                        pool.submit(number, by_number[number])
                    case _:
                        raise TypeError(event)


def _set_up(job: BulkJob) -> Callable[[Part, Ask], PartResult]:
    """In the process: load the model, once."""
    worker = Worker(job)
    return lambda part, _: worker.process(part)
