"""Work for the processes of a `WorkerPool`: small functions that a new process can import quickly."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from inkdigit.errors import InkdigitError

Ask = Callable[[Any], Any]


def ready(process_log: str) -> Callable[[str, Ask], object]:
    """Set up by noting the process in a file."""
    with open(process_log, "a") as log:  # noqa: PTH123
        log.write(f"{os.getpid()}\n")
    return do


def do(task: str, ask: Ask) -> object:
    """Do what a task is named after."""
    match task:
        case "refuse":
            raise InkdigitError("No ink.", code="no-ink")
        case "crash":
            raise ZeroDivisionError("a defect")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "ask":
            return [ask(number) for number in range(3)]
        case _:
            pass
    return task.upper()


def dies_at_once() -> Callable[[str, Ask], object]:
    """Never set up."""
    os._exit(7)


def refuses() -> Callable[[str, Ask], object]:
    """Never set up, with a reason."""
    raise InkdigitError("No model.", code="model-missing")
