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
OnDisconnect = Callable[[Callable[[], object]], object]  # is given what to call when the client goes


@dataclass(eq=False, slots=True)
class _Item:
    """The images of one request in the queue, and the future that its answer goes to."""

    recognizer: Recognizer
    images: Images
    answer: asyncio.Future[Probabilities]

    def fail(self, error: Exception) -> None:
        """Raise the error where the answer is awaited, unless there is an answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Batcher:
    """Feeds models from a bounded queue, on one thread beside the event loop that it is made in.

    It does not wait for a batch to fill: the thread takes what is queued, at most `max_batch` images together (a
    single request may have more), and while it works the queue fills. Each batch goes through one model.
    """

    def __init__(self, max_batch: int, waiting: ConcurrencyLimit, on_batch: Callable[[Probabilities], object]) -> None:
        """Start the thread.

        Args:
            max_batch: images in a batch at most.
            waiting: counts and bounds the images accepted and not yet answered.
            on_batch: called with the predictions of each batch, in the event loop.
        """
        self.max_batch, self.waiting = max_batch, waiting
        self._on_batch = on_batch
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._predict_batches, name="model", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after its current batch: ONNX Runtime aborts a process that ends during one."""
        self._queue.put(None)
        self._thread.join()

    def predict_inline(self, recognizer: Recognizer, images: Images) -> Probabilities:
        """What `predict` returns, computed in the event loop: for a lone request, which a thread would delay."""
        probabilities = recognizer.predict_proba(images)
        self._on_batch(probabilities)
        return probabilities

    async def predict(
        self, recognizer: Recognizer, images: Images, deadline: float, on_disconnect: OnDisconnect
    ) -> Probabilities:
        """(N, 28, 28) uint8 -> (N, 10) float32, after the requests before it.

        A request past its deadline, or whose client is gone, is dropped unless the model already works on it.

        Args:
            recognizer: the model.
            images: (N, 28, 28) uint8.
            deadline: in seconds of the event loop's clock.
            on_disconnect: called with what to do when the client closes the connection.

        Raises:
            TimeoutError: the deadline has passed.
            ClientGoneError: the client closed the connection.
            Problem: 503, since the queue is full.
        """
        item = _Item(recognizer, images, self._loop.create_future())
        with self.waiting.holding(len(images)):
            on_disconnect(lambda: item.fail(ClientGoneError()))
            timer = self._loop.call_at(deadline, item.fail, TimeoutError())
            self._queue.put(item)
            try:
                return await item.answer
            finally:
                timer.cancel()
                item.answer.cancel()

    def _predict_batches(self) -> None:
        item = self._queue.get()
        while item:
            batch, item = self._gather(item)
            images = batch[0].images if len(batch) == 1 else np.concatenate([one.images for one in batch])
            try:
                outcome = batch[0].recognizer.predict_proba(images)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must reach those who wait
                outcome = error
            self._loop.call_soon_threadsafe(self._answer, batch, outcome)
            item = item or self._queue.get()
            while item and item.answer.done():  # nobody waits for it any more
                item = self._queue.get()

    def _gather(self, first: _Item) -> tuple[list[_Item], _Item | None]:
        """A batch of `first` and what is queued behind it, and an item taken from the queue that did not fit."""
        batch, size = [first], len(first.images)
        while size < self.max_batch and not self._queue.empty():
            item = self._queue.get()
            if item is None:
                self._queue.put(None)  # the end, which comes after this batch
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
