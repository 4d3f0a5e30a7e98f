"""Requests that arrive while the model is busy go through it together; a lone one goes at once."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigit.recognizer import Recognizer
from inkdigit.service.problems import ClientGoneError, overloaded

Images = NDArray[np.uint8]
Probabilities = NDArray[np.float32]
Receive = Callable[[], asyncio.Future[dict[str, object]]]


@dataclass(eq=False, slots=True)
class _Item:
    """A request's images on their way, and who waits for them."""

    recognizer: Recognizer
    images: Images
    answer: asyncio.Future[Probabilities]


class Batcher:
    """Feeds models from a bounded queue, on one thread beside the event loop that it is made in.

    No waiting window: an idle model is given what there is. While it works, what arrives is gathered into the next
    batch of at most `max_batch` images (a single request may have more). Of several models, each batch is one's.

    on_batch: told the size of each batch.
    """

    def __init__(self, max_batch: int, max_queue: int, on_batch: Callable[[int], object]) -> None:
        self.max_batch, self.max_queue = max_batch, max_queue
        self.depth = 0  # images accepted and not yet answered
        self._on_batch = on_batch
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Item] = deque()
        self._work: queue.SimpleQueue[list[_Item] | None] = queue.SimpleQueue()
        self._busy = False
        self._thread = threading.Thread(target=self._predict_batches, name="model", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, after the batch it is at: ONNX Runtime aborts a process that ends in the middle of one."""
        self._work.put(None)
        self._thread.join()

    def admit(self, images: int) -> None:
        """Raise the Problem 503 where so many images more are too many. A lone request is never too large."""
        if self.depth and self.depth + images > self.max_queue:
            raise overloaded("max_queue")

    async def predict(self, recognizer: Recognizer, images: Images, gone: Receive) -> Probabilities:
        """(N, 28, 28) uint8 -> (N, 10) float32, when the turn has come.

        gone: awaited while the request waits for its turn; where it returns a disconnect, the request is dropped and
        ClientGoneError raised. Raises the Problem 503 where the queue is full. A cancelled request, such as one past
        its deadline, is dropped too.
        """
        self.admit(len(images))
        item = _Item(recognizer, images, self._loop.create_future())
        self.depth += len(images)
        try:
            self._waiting.append(item)
            if not self._busy:
                self._next()
                return await item.answer
            watch = self._loop.create_task(_cancel_when_gone(gone, item.answer))
            try:
                return await item.answer
            except asyncio.CancelledError:
                if watch.done():
                    raise ClientGoneError from None
                raise
            finally:
                watch.cancel()
        finally:
            item.answer.cancel()
            self.depth -= len(images)

    def _next(self) -> None:
        """Give the thread the next batch: neighbours in the queue, for one model, that somebody still waits for."""
        batch: list[_Item] = []
        size = 0
        while self._waiting:
            item = self._waiting[0]
            if not item.answer.done():
                if batch and (item.recognizer is not batch[0].recognizer or size + len(item.images) > self.max_batch):
                    break
                batch.append(item)
                size += len(item.images)
            self._waiting.popleft()
        self._busy = bool(batch)
        if batch:
            self._on_batch(size)
            self._work.put(batch)

    def _predict_batches(self) -> None:
        while batch := self._work.get():
            images = batch[0].images if len(batch) == 1 else np.concatenate([item.images for item in batch])
            try:
                outcome = batch[0].recognizer.predict_proba(images)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                outcome = error
            self._loop.call_soon_threadsafe(self._answer, batch, outcome)

    def _answer(self, batch: list[_Item], outcome: Probabilities | Exception) -> None:
        self._next()  # first: the model works while the answers are written
        start = 0
        for item in batch:
            end = start + len(item.images)
            if not item.answer.done():
                if isinstance(outcome, Exception):
                    item.answer.set_exception(outcome)
                else:
                    item.answer.set_result(outcome[start:end])
            start = end


async def _cancel_when_gone(gone: Receive, answer: asyncio.Future[Probabilities]) -> None:
    while (await gone())["type"] != "http.disconnect":
        continue
    answer.cancel()
