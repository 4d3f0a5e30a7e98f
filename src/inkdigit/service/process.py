"""One process that serves: its models, its event loop, signals, draining."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn

from inkdigit.runs.run import SHIPPED_RUN
from inkdigit.service.app import create
from inkdigit.service.http_protocol import Protocol
from inkdigit.service.log import LogHandler, flush, log_event
from inkdigit.service.models import Models
from inkdigit.service.settings import ServiceSettings
from inkdigit.service.sockets import BACKLOG, Sockets

MAX_CONNECTIONS = 8192  # of one process

OnReady = Callable[[int], object]  # is given the version that answers


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: they would close at once, and exit with the signal's code."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield


def run(
    settings: ServiceSettings, sockets: Sockets, on_ready: OnReady, parent_gone: threading.Event | None = None
) -> None:
    """Serve in this process until a signal, then drain.

    Args:
        settings: how to serve.
        sockets: to accept connections from.
        on_ready: called when the process serves.
        parent_gone: set when the process that started this one has ended; this one then ends, too.

    Raises:
        InkdigitError: there is no model to serve.
    """
    logging.basicConfig(handlers=[LogHandler()])
    models = load_models(settings)
    config = _config(settings)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(config, settings, models, sockets, on_ready, parent_gone))
    flush()


def load_models(settings: ServiceSettings) -> Models:
    """The models to serve, in a process that is about to serve. Raises InkdigitError if there is none."""
    sys.setswitchinterval(0.0005)  # a thread that prepares a picture must not block the others for Python's 5 ms
    models = Models(settings.threads, settings.max_batch, log_event)
    if settings.models:
        models.load_folder(Path(settings.models))
    else:
        models.load_one(Path(settings.model) if settings.model else SHIPPED_RUN)
    return models


def _config(settings: ServiceSettings) -> uvicorn.Config:
    protocol: Any = functools.partial(
        Protocol, timeout=settings.read_timeout, waiting={}, max_connections=_max_connections()
    )
    keep_alive: Any = settings.keep_alive
    return uvicorn.Config(
        "inkdigit.service.app:create",  # replaced once the event loop runs that the application is made in
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=round(settings.deadline + settings.read_timeout) + 1,
    )


def _max_connections() -> int:
    """How many connections this process can hold, after asking the system for more open files."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    files = 2 * MAX_CONNECTIONS  # a burst is accepted before it is counted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < files:  # infinity is negative
        with suppress(ValueError, OSError):  # macOS has a limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard) if hard > 0 else files, hard))
        files = min(files, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return files // 2


async def _serve(
    config: uvicorn.Config,
    settings: ServiceSettings,
    models: Models,
    sockets: Sockets,
    on_ready: OnReady,
    parent_gone: threading.Event | None,
) -> None:
    app, service = create(settings, models)
    gc.collect()
    gc.freeze()  # the objects made so far stay: the collector need not visit them again
    gc.set_threshold(10_000)  # requests leave no cycles, but their lists would start a collection every few requests
    config.app = app
    server = _Server(config)
    loop = asyncio.get_running_loop()

    async def drain() -> None:
        await asyncio.sleep(settings.grace)
        server.should_exit = True
        await asyncio.sleep(settings.deadline)  # readings may take much longer than the end may
        service.pictures.stop()

    def on_signal(number: int) -> None:
        if service.draining:  # a second signal ends the process at once
            flush()
            os._exit(128 + number)
        service.draining = True
        tasks.append(loop.create_task(drain()))

    tasks: list[asyncio.Task[None]] = []
    _handle_signals(loop, on_signal, [signal.SIGTERM] if parent_gone else [signal.SIGTERM, signal.SIGINT])
    if parent_gone:
        threading.Thread(target=_end_with_parent, args=(parent_gone, loop, on_signal), daemon=True).start()
    if settings.models:
        tasks.append(loop.create_task(models.watch(Path(settings.models), service.report_version)))
    serving = loop.create_task(server.serve(sockets))
    while not server.started and not serving.done():
        await asyncio.sleep(0.001)
    on_ready(models.current.version)
    await serving
    for task in tasks:
        task.cancel()
    service.close()


def _handle_signals(
    loop: asyncio.AbstractEventLoop, handle: Callable[[int], None], numbers: list[signal.Signals]
) -> None:
    for number in numbers:
        try:
            loop.add_signal_handler(number, handle, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda number, _: loop.call_soon_threadsafe(handle, number))


def _end_with_parent(parent_gone: threading.Event, loop: asyncio.AbstractEventLoop, end: Callable[[int], None]) -> None:
    parent_gone.wait()
    loop.call_soon_threadsafe(end, signal.SIGTERM)
