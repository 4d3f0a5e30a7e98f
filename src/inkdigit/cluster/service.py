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

from inkdigit.cluster import connection, parcels
from inkdigit.cluster.parcels import Files
from inkdigit.errors import InkdigitError
from inkdigit.runs.run import NOT_DIGIT_MODEL, ONNX_MODEL
from inkdigit.service import process, server, sockets
from inkdigit.service.app import create
from inkdigit.service.connection import SCOPE_KEY
from inkdigit.service.server import Print
from inkdigit.service.settings import ServiceSettings

NAME = "inkdigit"
ANSWERS_WITH = {ONNX_MODEL, NOT_DIGIT_MODEL}  # what a server reads of a run
UNDER_WAY = 8  # requests for each replica: half a batch waits, and a second core would not
NOT_HERE = {
    "workers": "as many replicas as needed share the work",
    "models": "a replica serves one model; start anew to change it",
    "grace": "Ray takes replicas out before they end",
}


def serve(settings: ServiceSettings, tell: Print, warn: Print) -> None:
    """Serve on the cluster until a signal, then drain. Raises InkdigitError for what keeps it from starting.

    tell, warn: where sentences for a person go.
    """
    _check(settings)
    server.check_keys(settings, warn)
    version = process.load_models(settings).current.version  # a broken model is an error here, not in a replica
    model = parcels.of_run(Path(settings.model), ANSWERS_WITH) if settings.model else {}
    keys = {"keys": Path(settings.api_key_file).read_bytes()} if settings.api_key_file else {}
    with connection.connected():
        from ray import serve as ray_serve

        if ray_serve.status().proxies:
            raise InkdigitError(
                "Ray Serve runs on that cluster already, at an address of its own: end it with `serve shutdown` first."
            )
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        came = _signals()
        try:
            _start(settings)
            _run(_deployment(settings, connection.processors()).bind(settings, model, keys))
            address = sockets.url(settings.host, settings.port)
            tell(f"Inkdigit serves version {version} at {address} on Ray (Ctrl-C ends it)")
            came.wait()
            ray_serve.delete(NAME)  # ends when the last request is answered
        finally:
            ray_serve.shutdown()


def _start(settings: ServiceSettings) -> None:
    """Have Ray's proxy listen on the head. Raises InkdigitError where it cannot."""
    from ray import serve as ray_serve
    from ray.exceptions import RayTaskError

    address = {"host": settings.host, "port": settings.port}
    try:
        ray_serve.start("HeadOnly", {**address, "keep_alive_timeout_s": round(settings.keep_alive)})
    except RayTaskError as error:
        if "Failed to bind" not in str(error):
            raise
        raise sockets.cannot_listen(settings, "it is taken, or no address of the head", "port-in-use") from None


def _run(application: Any) -> None:
    """Have a first replica answer. Raises InkdigitError where none does."""
    from ray import serve as ray_serve

    try:
        ray_serve.run(application, name=NAME)
    except RuntimeError as error:
        told = str(error).strip().splitlines()[-1].rstrip(".")
        raise InkdigitError(
            f"No replica starts ({told}): every machine of the cluster needs the same Inkdigit with the cluster extra."
        ) from error


def _check(settings: ServiceSettings) -> None:
    """Raise InkdigitError for settings that have no meaning on Ray."""
    for field in fields(settings):
        if field.name in NOT_HERE and getattr(settings, field.name) != field.default:
            raise InkdigitError(f"--engine ray goes without {field.name}: {NOT_HERE[field.name]}.")
    if settings.port == 0:
        raise InkdigitError("--engine ray needs a port by its number: Ray takes none that happens to be free.")


def _signals() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set. The second one ends the process at once."""
    came = threading.Event()

    def note(number: int, _: object) -> None:
        if came.is_set():
            os._exit(128 + number)
        came.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return came


def _deployment(settings: ServiceSettings, cores: int) -> Any:
    from ray import serve as ray_serve

    ingress: Any = ray_serve.ingress()
    return ray_serve.deployment(
        ingress(Replica),
        name=NAME,
        ray_actor_options={"num_cpus": 1},
        autoscaling_config={"min_replicas": 1, "max_replicas": cores, "target_ongoing_requests": UNDER_WAY},
        max_ongoing_requests=settings.max_queue,
        max_queued_requests=settings.max_queue,
        max_constructor_retry_count=3,
        health_check_period_s=1,
        graceful_shutdown_wait_loop_s=0.2,
        graceful_shutdown_timeout_s=settings.deadline + settings.read_timeout + 1,
    )


class Replica:
    """One process's application, on whichever node.

    model, keys: files of the run and of the API keys, where the settings name any.
    """

    def __init__(self, settings: ServiceSettings, model: Files, keys: Files) -> None:
        with tempfile.TemporaryDirectory(prefix="inkdigit-") as name:
            folder = Path(name)
            parcels.unpack(model, folder)
            parcels.unpack(keys, folder)
            here = replace(settings, model=name if model else "", api_key_file=str(folder / "keys") if keys else "")
            app, service = create(here, process.load_models(here))
        self._app = Relay(app, service.batcher.close)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """What Ray asks for."""
        return self._app


class Relay:
    """The application as Ray's proxy calls it: requests have no connection, and start and end are told.

    close: called at the end.
    """

    is_whole = False  # as far as is known: the body comes by messages

    def __init__(self, app: ASGIApp, close: Callable[[], object]) -> None:
        self._app, self._close = app, close
        self._under_way = 0

    @property
    def is_only_request(self) -> bool:
        """Whether no other request is under way in this process."""
        return self._under_way <= 1

    def on_disconnect(self, call: Callable[[], object]) -> None:
        """Nothing to do: where the client goes, Ray cancels the request's task, and with it what it waits for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or tell that the application is there and that it is gone."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return

        async def send_on(message: Message) -> None:
            # Ray gives a request its id, and names it in the answer.
            message["headers"] = [one for one in message.get("headers", ()) if one[0] != b"x-request-id"]
            await send(message)

        scope[SCOPE_KEY] = self
        self._under_way += 1
        try:
            await self._app(scope, receive, send_on)
        finally:
            self._under_way -= 1

    async def _live(self, receive: Receive, send: Send) -> None:
        message: Message = {}
        while message.get("type") != "lifespan.shutdown":
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._close()
            await send({"type": f"{message['type']}.complete"})
