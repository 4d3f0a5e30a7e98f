"""The server's process, or its processes: sockets, signals, draining."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from inkdigit.errors import InkdigitError
from inkdigit.runs.run import SHIPPED_RUN
from inkdigit.service.auth import Keys
from inkdigit.service.settings import ServiceSettings

if TYPE_CHECKING:
    from inkdigit.service.models import Models

METRICS = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's variable: to be set before its first import
PAUSE = 1.0  # seconds before a process that died is replaced
BACKLOG = 1024  # connections that wait to be accepted
CONNECTIONS = 8192  # that a process holds at the most
LOOPBACK = {"127.0.0.1", "::1", "localhost"}

Sockets = list[socket.socket]
Tell = Callable[[str], object]
Ready = Callable[[int], object]  # is told the version that answers


def serve(settings: ServiceSettings, tell: Tell, warn: Tell) -> None:
    """Serve until a signal. Raises InkdigitError for what keeps it from starting.

    tell, warn: where sentences for a person go.
    """
    sockets = listen(settings)
    check_keys(settings, warn)

    def ready(version: int) -> None:
        tell(f"Inkdigit serves version {version} at {url(settings.host, sockets[0].getsockname()[1])} (Ctrl-C ends it)")

    if settings.workers == 1:
        run(settings, sockets, ready)
        return
    with tempfile.TemporaryDirectory(prefix="inkdigit-metrics-") as directory:
        os.environ[METRICS] = directory
        _Workers(settings, sockets, ready).run()


def check_keys(settings: ServiceSettings, warn: Tell) -> None:
    """Warn where everybody may come and no key is asked for. Raises InkdigitError where the file holds no keys."""
    if settings.api_key_file:
        Keys.read(Path(settings.api_key_file))
    elif settings.host not in LOOPBACK:
        warn(f"Whoever reaches {settings.host} can use this server: --api-key-file names a file of keys to guard it.")


def url(host: str, port: int) -> str:
    """The address of a server."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def listen(settings: ServiceSettings) -> Sockets:
    """A bound socket for each address of the host. Raises InkdigitError."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [_bound(family, address) for family, address in dict.fromkeys((part[0], part[4]) for part in found)]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no address"
        raise cannot_listen(settings, reason) from None


def cannot_listen(settings: ServiceSettings, reason: str) -> InkdigitError:
    """What to say where the host or the port will not do."""
    return InkdigitError(
        f"Nothing can listen on {settings.host}, port {settings.port} ({reason}): choose another --host or --port."
    )


def _bound(family: int, address: Any) -> socket.socket:
    # The protocol is named, for asyncio looks at it before it has packets sent without delay.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # where it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(address)
    listener.listen(BACKLOG)  # now: of two servers that start at once, one has to hear that the port is taken
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server, its signals handled by us: it would close at once, and exit with the signal's code."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield


def run(settings: ServiceSettings, sockets: Sockets, ready: Ready, orphaned: threading.Event | None = None) -> None:
    """Serve in this process until a signal, then drain. Raises InkdigitError where there is no model to serve.

    orphaned: set when whoever started this process is gone, which ends it too.
    """
    from inkdigit.service.log import Lines, flush

    logging.basicConfig(handlers=[Lines()])
    models = load(settings)
    config = _config(settings)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(config, settings, models, sockets, ready, orphaned))
    flush()


def load(settings: ServiceSettings) -> Models:
    """The models to serve, in a process that is about to. Raises InkdigitError where there is none."""
    from inkdigit.service.log import log_event
    from inkdigit.service.models import Models

    sys.setswitchinterval(0.0005)  # a picture that a thread prepares must not hold up the others for Python's 5 ms
    models = Models(settings.threads, settings.max_batch, log_event)
    if settings.models:
        models.load_folder(Path(settings.models))
    else:
        models.load_one(Path(settings.model) if settings.model else SHIPPED_RUN)
    return models


def _config(settings: ServiceSettings) -> uvicorn.Config:
    from inkdigit.service.http_protocol import Protocol

    protocol: Any = functools.partial(Protocol, seconds=settings.read_timeout, waiting={}, most=_most_connections())
    keep_alive: Any = settings.keep_alive
    return uvicorn.Config(
        "inkdigit.service.app:create",  # until the event loop runs that the application is made in
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


def _most_connections() -> int:
    """How many connections this process can hold, after asking the system for as many as it gives."""
    if sys.platform == "win32":
        return CONNECTIONS
    import resource

    files = 2 * CONNECTIONS  # a burst is accepted before it is counted
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
    ready: Ready,
    orphaned: threading.Event | None,
) -> None:
    from inkdigit.service.app import create
    from inkdigit.service.log import flush

    app, service = create(settings, models)
    gc.collect()
    gc.freeze()  # what is here stays: no need to look through it again and again
    gc.set_threshold(10_000)  # requests leave no cycles, and their lists alone would start a search for some every few
    config.app = app
    server = _Server(config)
    loop = asyncio.get_running_loop()

    async def drain() -> None:
        service.draining = True
        await asyncio.sleep(settings.grace)
        server.should_exit = True

    def on_signal(number: int) -> None:
        if service.draining:
            flush()
            os._exit(128 + number)  # whoever sends a second signal means now
        service.draining = True
        tasks.append(loop.create_task(drain()))

    tasks: list[asyncio.Task[None]] = []
    _handle_signals(loop, on_signal, [signal.SIGTERM] if orphaned else [signal.SIGTERM, signal.SIGINT])
    if orphaned:
        threading.Thread(target=_end_with_parent, args=(orphaned, loop, on_signal), daemon=True).start()
    if settings.models:
        tasks.append(loop.create_task(models.watch(Path(settings.models), service.tell_version)))
    serving = loop.create_task(server.serve(sockets))
    while not server.started and not serving.done():
        await asyncio.sleep(0.001)
    ready(models.current.version)
    await serving
    for task in tasks:
        task.cancel()
    service.batcher.close()


def _handle_signals(
    loop: asyncio.AbstractEventLoop, handle: Callable[[int], None], numbers: list[signal.Signals]
) -> None:
    for number in numbers:
        try:
            loop.add_signal_handler(number, handle, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda number, _: loop.call_soon_threadsafe(handle, number))


def _end_with_parent(orphaned: threading.Event, loop: asyncio.AbstractEventLoop, end: Callable[[int], None]) -> None:
    orphaned.wait()
    loop.call_soon_threadsafe(end, signal.SIGTERM)


class _Workers:
    """Several processes on the same sockets: one signal to this one drains them all, and one that dies is replaced."""

    def __init__(self, settings: ServiceSettings, sockets: Sockets, ready: Ready) -> None:
        self.settings, self.sockets, self.ready = settings, sockets, ready
        self.context = multiprocessing.get_context("spawn")
        self.stopping = False
        self.processes: dict[BaseProcess, Connection] = {}

    def run(self) -> None:
        """Serve until a signal. Raises InkdigitError where a process says why it cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        for _ in range(self.settings.workers):
            self._start()
        try:
            versions = [self._started(process, pipe) for process, pipe in self.processes.items()]
            if not self.stopping:
                self.ready(max(versions))
            while self.processes:
                self._replace_the_dead()
        finally:
            for process in self.processes:
                process.terminate()

    def _start(self) -> None:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_work, args=(self.settings, self.sockets, theirs))
        process.start()
        theirs.close()
        self.processes[process] = ours

    def _started(self, process: BaseProcess, pipe: Connection) -> int:
        """The version that a process answers with. Raises InkdigitError, in its words, where it cannot start."""
        try:
            outcome = pipe.recv()
        except EOFError:
            if self.stopping:
                return 0
            raise InkdigitError(f"A process of the server ended as it started (code {process.exitcode}).") from None
        if isinstance(outcome, str):
            raise InkdigitError(outcome)
        return outcome

    def _replace_the_dead(self) -> None:
        from prometheus_client import multiprocess

        from inkdigit.service.log import log_event

        ended = wait([process.sentinel for process in self.processes], timeout=PAUSE)
        for process in [process for process in self.processes if process.sentinel in ended]:
            self.processes.pop(process).close()
            process.join()
            multiprocess.mark_process_dead(process.pid)  # pyright: ignore[reportUnknownMemberType]
            if not self.stopping:
                log_event("error", f"Process {process.pid} died (code {process.exitcode}) and is replaced.")
                threading.Event().wait(PAUSE)
                self._start()

    def _on_signal(self, *_: object) -> None:
        # The second one goes to the processes too, and there it means now.
        self.stopping = True
        for process in self.processes:
            if process.is_alive() and process.pid:
                os.kill(process.pid, signal.SIGTERM)


def _work(settings: ServiceSettings, sockets: Sockets, pipe: Connection) -> None:
    """What each process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of them; the parent tells what it means
    orphaned = threading.Event()

    def listen_to_parent() -> None:
        try:
            pipe.recv()
        except (EOFError, OSError):
            orphaned.set()

    def ready(version: int) -> None:
        pipe.send(version)
        threading.Thread(target=listen_to_parent, daemon=True).start()

    try:
        run(settings, sockets, ready, orphaned)
    except InkdigitError as error:
        pipe.send(str(error))
