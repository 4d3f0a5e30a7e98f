"""Requests that arrive while the model is busy go through it together; a lone one goes at once."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigit.recognizer import Recognizer
from inkdigit.service.limits import ConcurrencyLimit
from inkdigit.service.problems import ClientGoneError

Images = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


@dataclass(eq=False, slots=True)
class _Item:
    """A request's images on their way, and who waits for them."""

    recognizer: Recognizer
    images: Images
    answer: asyncio.Future[Probabilities]

    def fail(self, error: Exception) -> None:
        """Let whoever waits hear of it, unless the answer has come."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Batcher(ConcurrencyLimit):
    """Feeds models from a bounded queue, on one thread beside the event loop that it is made in.

    No waiting window: the thread takes what there is, at most `max_batch` images together (a single request may have
    more), and while it works the queue fills. Of several models, each batch is one's.

    on_batch: told the answers to each batch.
    """

    def __init__(self, max_batch: int, max_queue: int, on_batch: Callable[[Probabilities], object]) -> None:
        super().__init__(max_queue, "max_queue")  # of images accepted and not yet answered
        self.max_batch = max_batch
        self._on_batch = on_batch
        self._loop = asyncio.get_running_loop()
        self._work: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._predict_batches, name="model", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, after the batch it is at: ONNX Runtime aborts a process that ends in the middle of one."""
        self._work.put(None)
        self._thread.join()

    def at_once(self, recognizer: Recognizer, images: Images) -> Probabilities:
        """What `predict` gives, in the event loop: for a lone request, which a thread would keep waiting for longer."""
        probabilities = recognizer.predict_proba(images)
        self._on_batch(probabilities)
        return probabilities

    async def predict(
        self, recognizer: Recognizer, images: Images, deadline: float, on_gone: Callable[[Callable[[], None]], object]
    ) -> Probabilities:
        """(N, 28, 28) uint8 -> (N, 10) float32, when the turn has come.

        deadline: by the event loop's clock, after which TimeoutError is raised. on_gone: given what to call when the
        client has gone; then ClientGoneError is raised. Either way the request is dropped, unless the model is at it.
        Raises the Problem 503 where the queue is full.
        """
        item = _Item(recognizer, images, self._loop.create_future())
        with self.holding(len(images)):
            on_gone(lambda: item.fail(ClientGoneError()))
            timer = self._loop.call_at(deadline, item.fail, TimeoutError())
            self._work.put(item)
            try:
                return await item.answer
            finally:
                timer.cancel()
                item.answer.cancel()

    def _predict_batches(self) -> None:
        item = self._work.get()
        while item:
            batch, item = self._gather(item)
            images = batch[0].images if len(batch) == 1 else np.concatenate([one.images for one in batch])
            try:
                outcome = batch[0].recognizer.predict_proba(images)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                outcome = error
            self._loop.call_soon_threadsafe(self._answer, batch, outcome)
            item = item or self._work.get()
            while item and item.answer.done():  # nobody waits for it any more
                item = self._work.get()

    def _gather(self, first: _Item) -> tuple[list[_Item], _Item | None]:
        """A batch of `first` and what waits behind it, and what was taken from the queue but not into the batch."""
        batch, size = [first], len(first.images)
        while size < self.max_batch and not self._work.empty():
            item = self._work.get()
            if item is None:
                self._work.put(None)  # the end, which comes after this batch
                break
            if item.recognizer is not first.recognizer or size + len(item.images) > self.max_batch:
                return batch, item
            if not item.answer.done():
                batch.append(item)
                size += len(item.images)
        return batch, None

    def _answer(self, batch: list[_Item], outcome: Probabilities | Exception) -> None:
        start = 0
        for item in batch:
            end = start + len(item.images)
            if isinstance(outcome, Exception):
                item.fail(outcome)
            elif not item.answer.done():
                item.answer.set_result(outcome[start:end])
            start = end
        if not isinstance(outcome, Exception):
            self._on_batch(outcome)
