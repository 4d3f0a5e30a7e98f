"""The API on Ray Serve: replicas of the same application, as many as the requests under way ask for."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inkdigit.cluster import connection, packing
from inkdigit.cluster.packing import Files
from inkdigit.errors import InkdigitError
from inkdigit.runs.run import NOT_DIGIT_MODEL, ONNX_MODEL
from inkdigit.service import process, server, sockets
from inkdigit.service.app import create
from inkdigit.service.connection import SCOPE_KEY
from inkdigit.service.server import Print
from inkdigit.service.settings import ServiceSettings

SERVICE_NAME = "inkdigit"
SERVED_FILES = {ONNX_MODEL, NOT_DIGIT_MODEL}  # what a server reads of a run
REQUESTS_PER_REPLICA = 8  # under way, before another replica starts: half a batch waits, a second core would not
REFUSED_SETTINGS = {
    "workers": "as many replicas as needed share the work",
    "models": "a replica serves one model; start the server again to change it",
    "grace": "Ray takes replicas out before they end",
}


def serve(settings: ServiceSettings, say: Print, warn: Print) -> None:
    """Serve on the cluster until a signal, then finish the requests under way.

    Args:
        settings: of the server.
        say: takes the sentence that says where it serves.
        warn: takes warnings.

    Raises:
        InkdigitError: the server cannot start.
    """
    _check(settings)
    server.check_keys(settings, warn)
    version = process.load_models(settings).current.version  # a broken model is an error here, not in a replica
    model = packing.pack_run(Path(settings.model), SERVED_FILES) if settings.model else {}
    keys = {"keys": Path(settings.api_key_file).read_bytes()} if settings.api_key_file else {}
    with connection.connected():
        from ray import serve as ray_serve

        if ray_serve.status().proxies:
            raise InkdigitError(
                "Ray Serve runs on that cluster already, at an address of its own: end it with `serve shutdown` first.",
                code="ray-serve-running",
            )
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        stop = _stop_on_signals()
        try:
            _start(settings)
            _run(_deployment(settings, connection.processors()).bind(settings, model, keys))
            address = sockets.url(settings.host, settings.port)
            say(f"Inkdigit serves version {version} at {address} on Ray (Ctrl-C ends it)")
            stop.wait()
            ray_serve.delete(SERVICE_NAME)  # returns when the last request is finished
        finally:
            ray_serve.shutdown()


def _start(settings: ServiceSettings) -> None:
    """Have Ray's proxy listen on the head, which is this machine. Raises InkdigitError where it cannot."""
    from ray import serve as ray_serve
    from ray.exceptions import RayTaskError

    address = {"host": settings.host, "port": settings.port}
    try:
        ray_serve.start("HeadOnly", {**address, "keep_alive_timeout_s": round(settings.keep_alive)})
    except RayTaskError:
        for listener in sockets.listen(settings):  # raises where nothing can listen there
            listener.close()
        raise


def _run(application: Any) -> None:
    """Wait for a first replica to be ready. Raises InkdigitError, `replica-failed`, where none is."""
    from ray import serve as ray_serve

    try:
        ray_serve.run(application, name=SERVICE_NAME)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].rstrip(".")
        raise InkdigitError(
            f"No replica starts ({reason}): every machine of the cluster needs the same Inkdigit with the cluster "
            "extra.",
            code="replica-failed",
        ) from error


def _check(settings: ServiceSettings) -> None:
    """Raise InkdigitError for settings that have no meaning on Ray."""
    for field in fields(settings):
        if field.name in REFUSED_SETTINGS and getattr(settings, field.name) != field.default:
            raise InkdigitError(
                f"--engine ray does not take {field.name}: {REFUSED_SETTINGS[field.name]}.", code="option-conflict"
            )
    if settings.port == 0:
        raise InkdigitError("--engine ray needs a --port other than 0.", code="option-conflict")


def _stop_on_signals() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set. A second signal ends the process at once."""
    stop = threading.Event()

    def note(number: int, _: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return stop


def _deployment(settings: ServiceSettings, cores: int) -> Any:
    from ray import serve as ray_serve

    ingress: Any = ray_serve.ingress()
    return ray_serve.deployment(
        ingress(Replica),
        name=SERVICE_NAME,
        ray_actor_options={"num_cpus": 1},
        autoscaling_config={"min_replicas": 1, "max_replicas": cores, "target_ongoing_requests": REQUESTS_PER_REPLICA},
        max_ongoing_requests=settings.max_queue,
        max_queued_requests=settings.max_queue,
        max_constructor_retry_count=3,
        health_check_period_s=1,
        graceful_shutdown_wait_loop_s=0.2,
        graceful_shutdown_timeout_s=settings.deadline + settings.read_timeout + 1,
    )


class Replica:
    """The application of one process, on any node.

    Args:
        settings: of the server, with the paths of the machine where the command runs.
        model: the files of the run that the settings name; empty for the model that ships.
        keys: the file of API keys; empty where the settings name none.
    """

    def __init__(self, settings: ServiceSettings, model: Files, keys: Files) -> None:
        with tempfile.TemporaryDirectory(prefix="inkdigit-") as name:
            folder = Path(name)
            packing.unpack(model, folder)
            packing.unpack(keys, folder)
            local = replace(settings, model=name if model else "", api_key_file=str(folder / "keys") if keys else "")
            app, service = create(local, process.load_models(local))
        self._app = Relay(app, service.batcher.close)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """The application, as Ray Serve asks for it."""
        return self._app


class Relay:
    """The application as Ray's proxy calls it, without a connection of its own.

    Args:
        app: the application.
        close: called when the replica ends.
    """

    is_whole = False  # the body comes in messages, so nobody knows yet

    def __init__(self, app: ASGIApp, close: Callable[[], object]) -> None:
        self._app, self._close = app, close
        self._under_way = 0

    @property
    def is_only_request(self) -> bool:
        """Whether no other request is under way in this process."""
        return self._under_way <= 1

    def on_disconnect(self, call: Callable[[], object]) -> None:
        """Do nothing: when the client disconnects, Ray cancels the request's task, and with it what it waits for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the messages about start and end (`lifespan`)."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return

        async def send_on(message: Message) -> None:
            # Ray gives each request an id, and adds it to the response.
            message["headers"] = [one for one in message.get("headers", ()) if one[0] != b"x-request-id"]
            await send(message)

        scope[SCOPE_KEY] = self
        self._under_way += 1
        try:
            await self._app(scope, receive, send_on)
        finally:
            self._under_way -= 1

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        message: Message = {}
        while message.get("type") != "lifespan.shutdown":
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._close()
            await send({"type": f"{message['type']}.complete"})
