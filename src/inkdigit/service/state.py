"""What the routes share: the parts of one service, and what they do together."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import numpy as np
from starlette.types import Scope

from inkdigit.reading.results import Reading
from inkdigit.service.api_keys import Keys
from inkdigit.service.batching import Batcher, Images, Probabilities
from inkdigit.service.connection import connection
from inkdigit.service.limits import BodyReader, ConcurrencyLimit
from inkdigit.service.metrics import Metrics
from inkdigit.service.models import NAME, Model, Models
from inkdigit.service.pictures import PictureFile, Pictures, Prepared, ReadOptions, is_small
from inkdigit.service.problems import ClientGoneError, Problem
from inkdigit.service.settings import ServiceSettings

Deadline = Literal["deadline", "read_deadline"]  # the settings that say how long an answer may take


@dataclass
class Work:
    """What a version has done: requests answered, images predicted, and the time that took."""

    requests: int = 0
    images: int = 0
    nanoseconds: int = 0


@dataclass
class Service:
    """The parts of one service, one for each process.

    Attributes:
        settings: how it serves.
        models: the loaded versions.
        metrics: counts what happens.
        waiting: images accepted and not yet answered.
        batcher: predicts.
        bodies: reads the bodies of requests.
        reads: requests to /v1/read under way.
        pictures: prepares and reads pictures.
        keys: API keys, or None if none is asked for.
        draining: whether it is about to end.
        work: what each version has done in this process.
    """

    settings: ServiceSettings
    models: Models
    metrics: Metrics
    waiting: ConcurrencyLimit
    batcher: Batcher
    bodies: BodyReader
    reads: ConcurrencyLimit
    pictures: Pictures
    keys: Keys | None
    draining: bool = False
    work: defaultdict[int, Work] = field(default_factory=lambda: defaultdict(Work))

    def close(self) -> None:
        """End its threads and processes."""
        self.batcher.close()
        self.pictures.close()

    def report_version(self) -> None:
        """Set the metric of the version that answers."""
        self.metrics.model.labels(NAME).set(self.models.current.version)

    def model(self, name: str, version: str = "") -> Model:
        """A model by its name and its version, or the version that answers. Raises Problem 404."""
        if name != NAME:
            raise Problem(HTTPStatus.NOT_FOUND, f'There is no model "{name[:40]}" here: ask for {NAME}.')
        model = self.models.find(version) if version else self.models.current
        if model is None:
            loaded = ", ".join(map(str, sorted(self.models.loaded)))
            sentence = f'There is no version "{version[:40]}" of {NAME} here: loaded are {loaded}.'
            raise Problem(HTTPStatus.NOT_FOUND, sentence)
        return model

    def deadline(self, setting: Deadline = "deadline") -> float:
        """When a request that starts now must have its answer, in seconds of the event loop's clock."""
        return asyncio.get_running_loop().time() + getattr(self.settings, setting)

    async def prepare(self, files: Sequence[PictureFile], deadline: float) -> list[Prepared]:
        """Each picture as the model takes it. Raises Problem 422, 503 or 504."""
        if len(files) == 1 and is_small(files[0].content):
            return [self.pictures.prepare_one(files[0])]
        size = sum(len(file.content) for file in files)
        with self.bodies.holding(size), self.waiting.holding(len(files)), self._in_time():
            async with asyncio.timeout_at(deadline):
                return await self.pictures.prepare(files)

    async def read(
        self, model: Model, files: Sequence[PictureFile], options: ReadOptions, scope: Scope
    ) -> list[tuple[int | None, Reading]]:
        """What is read on each picture and page, with the page's number if its file has pages; counted.

        Raises:
            Problem: 413, 422, 503 or 504.
            ClientGoneError: the client closed the connection.
        """
        deadline = self.deadline("read_deadline")
        size = sum(len(file.content) for file in files)
        with self.bodies.holding(size), self.reads.holding(1), self._in_time("read_deadline"):
            work = asyncio.ensure_future(self.pictures.read(files, model.recognizer, options))
            connection(scope).on_disconnect(work.cancel)
            try:
                async with asyncio.timeout_at(deadline):
                    found = await work
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling():  # pyright: ignore[reportOptionalMemberAccess]
                    raise
                raise ClientGoneError from None
        for _, reading in found:
            digits = [digit.probabilities for line in reading.lines for digit in line.digits]
            self.metrics.count_predictions(np.array(digits, np.float32).reshape(-1, 10))
            self.metrics.blank.inc(not digits)
        return found

    async def predict(self, model: Model, images: Images, scope: Scope, deadline: float) -> Probabilities:
        """(N, 28, 28) uint8 -> (N, 10) float32, counted. Raises Problem 503 or 504, and ClientGoneError."""
        begin = time.perf_counter_ns()
        client = connection(scope)
        if model.is_fast and len(images) == 1 and client.is_only_request:
            found = self.batcher.predict_inline(model.recognizer, images)
        else:
            self.metrics.queue_depth.set(self.waiting.depth + len(images))
            try:
                with self._in_time():
                    found = await self.batcher.predict(model.recognizer, images, deadline, client.on_disconnect)
            finally:
                self.metrics.queue_depth.set(self.waiting.depth)
        work = self.work[model.version]
        work.requests += 1
        work.images += len(images)
        work.nanoseconds += time.perf_counter_ns() - begin
        return found

    @contextmanager
    def _in_time(self, setting: Deadline = "deadline") -> Generator[None]:
        try:
            yield
        except TimeoutError:
            raise Problem(
                HTTPStatus.GATEWAY_TIMEOUT,
                f"The answer took more than {getattr(self.settings, setting):g} seconds: try again.",
                setting=setting,
                reason="deadline",
            ) from None
