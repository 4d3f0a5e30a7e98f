"""The application in this process, without a socket: requests go to it as uvicorn's protocol would pass them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from inkdigit.runs.run import SHIPPED_RUN
from inkdigit.service.app import create
from inkdigit.service.connection import SCOPE_KEY
from inkdigit.service.models import Models
from inkdigit.service.settings import ServiceSettings
from inkdigit.service.state import Service

Result = TypeVar("Result")
PATIENCE = 60.0  # seconds: an answer that takes longer is not coming


class Connection:
    """A connection whose client waits for its answer, unless `disconnect` is called."""

    is_only_request = True
    is_whole = False  # the body comes in messages

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def on_disconnect(self, call: Callable[[], object]) -> None:
        """Call `call` when the client closes the connection."""
        self.calls.append(call)


@dataclass
class LocalService:
    """The application on an event loop of its own thread. Requests wait for their answers, as an httpx.Client's do."""

    service: Service
    app: ASGIApp
    loop: asyncio.AbstractEventLoop
    logged: list[tuple[str, str]] = field(default_factory=list)  # what the models log: level and sentence

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the application's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send one request, with httpx's arguments."""

        async def connected(scope: Scope, receive: Receive, send: Send) -> None:
            scope[SCOPE_KEY] = Connection()
            await self.app(scope, receive, send)

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(connected)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request(method, path, **content)

        return self.call(send())

    def get(self, path: str, **content: Any) -> httpx.Response:
        """Send a GET."""
        return self.request("GET", path, **content)

    def post(self, path: str, **content: Any) -> httpx.Response:
        """Send a POST."""
        return self.request("POST", path, **content)


@contextmanager
def local_service(run: Path | None = None, **values: Any) -> Generator[LocalService]:
    """The application while the block runs.

    Args:
        run: the run folder to serve; without it and without `models`, the model that ships.
        values: further settings.
    """
    settings = ServiceSettings(model=str(run or ""), **values)
    logged: list[tuple[str, str]] = []
    models = Models(settings.threads, settings.max_batch, lambda level, sentence: logged.append((level, sentence)))
    if settings.models:
        models.load_folder(Path(settings.models))
    else:
        models.load_one(run or SHIPPED_RUN)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[ASGIApp, Service]:
        return create(settings, models)

    try:
        app, service = asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE)
        yield LocalService(service, app, loop, logged)
        service.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
