"""The batcher: what goes through the model together, what is dropped, and what the callers get."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.recognizer import Recognizer
from inkdigit.service.batching import Batcher
from inkdigit.service.limits import ConcurrencyLimit
from inkdigit.service.problems import ClientGoneError, Problem
from tests.onnx_models import linear_model
from tests.service.gated import PATIENCE, GatedRecognizer

MODEL = linear_model()


class BrokenRecognizer(Recognizer):
    """A recognizer that fails."""

    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Fail."""
        raise RuntimeError(f"broken by {len(images)}")


def images(count: int, value: int = 0) -> NDArray[np.uint8]:
    return np.full((count, 28, 28), value, np.uint8)


def ignore(_: Callable[[], object]) -> None:
    """The client never goes."""


def deadline(seconds: float = PATIENCE) -> float:
    return asyncio.get_running_loop().time() + seconds


def with_batcher(
    test: Callable[[Batcher], Coroutine[Any, Any, None]], max_batch: int = 16, max_queue: int = 256
) -> list[int]:
    """Run a test with a batcher on an event loop; the sizes of the batches that were counted."""
    counted: list[int] = []

    async def run() -> None:
        waiting = ConcurrencyLimit(max_queue, "max_queue")
        batcher = Batcher(max_batch, waiting, lambda found: counted.append(len(found)))
        try:
            await asyncio.wait_for(test(batcher), PATIENCE)
        finally:
            batcher.close()
        await asyncio.sleep(0)  # the last batch is counted on the loop
        assert waiting.depth == 0

    asyncio.run(run())
    return counted


async def entered(recognizer: GatedRecognizer) -> None:
    """Wait until a batch is at the model."""
    await asyncio.to_thread(recognizer.entered.wait, PATIENCE)


def test_each_request_gets_its_own_rows() -> None:
    recognizer = Recognizer(MODEL)

    async def test(batcher: Batcher) -> None:
        asked = [images(count, 40 * count) for count in (1, 3, 2)]
        found = await asyncio.gather(*(batcher.predict(recognizer, each, deadline(), ignore) for each in asked))
        for each, rows in zip(asked, found, strict=True):
            np.testing.assert_allclose(rows, recognizer.predict_proba(each), rtol=1e-5)
        assert (batcher.predict_inline(recognizer, asked[0]) == recognizer.predict_proba(asked[0])).all()

    assert sum(with_batcher(test)) == 7


def test_requests_that_wait_go_together_up_to_the_largest_batch() -> None:
    recognizer = GatedRecognizer()

    async def test(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.predict(recognizer, images(1), deadline(), ignore))
        await entered(recognizer)
        others = [asyncio.create_task(batcher.predict(recognizer, images(1), deadline(), ignore)) for _ in range(6)]
        large = asyncio.create_task(batcher.predict(recognizer, images(9), deadline(), ignore))
        await asyncio.sleep(0)
        recognizer.gate.set()
        await asyncio.gather(first, large, *others)

    assert with_batcher(test, max_batch=4) == recognizer.sizes == [1, 4, 2, 9]


def test_two_models_never_share_a_batch() -> None:
    first, second = GatedRecognizer(), GatedRecognizer()
    second.gate.set()

    async def test(batcher: Batcher) -> None:
        asked = [asyncio.create_task(batcher.predict(first, images(1), deadline(), ignore))]
        await entered(first)
        asked += [asyncio.create_task(batcher.predict(each, images(1), deadline(), ignore)) for each in (first, second)]
        await asyncio.sleep(0)
        first.gate.set()
        await asyncio.gather(*asked)

    with_batcher(test)
    assert (first.sizes, second.sizes) == ([1, 1], [1])


def test_a_request_past_its_deadline_is_dropped() -> None:
    recognizer = GatedRecognizer()

    async def test(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.predict(recognizer, images(1), deadline(), ignore))
        await entered(recognizer)
        with pytest.raises(TimeoutError):
            await batcher.predict(recognizer, images(1), deadline(0.001), ignore)
        recognizer.gate.set()
        await first

    with_batcher(test)
    assert recognizer.sizes == [1]


def test_a_request_whose_client_is_gone_is_dropped() -> None:
    recognizer = GatedRecognizer()

    async def test(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.predict(recognizer, images(1), deadline(), ignore))
        await entered(recognizer)
        gone: list[Callable[[], object]] = []
        second = asyncio.create_task(batcher.predict(recognizer, images(1), deadline(), gone.append))
        await asyncio.sleep(0)
        gone[0]()
        with pytest.raises(ClientGoneError):
            await second
        recognizer.gate.set()
        await first

    with_batcher(test)
    assert recognizer.sizes == [1]


def test_a_full_queue_refuses() -> None:
    recognizer = GatedRecognizer()

    async def test(batcher: Batcher) -> None:
        accepted = [asyncio.create_task(batcher.predict(recognizer, images(1), deadline(), ignore)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as caught:
            await batcher.predict(recognizer, images(1), deadline(), ignore)
        assert (caught.value.status, caught.value.setting) == (503, "max_queue")
        recognizer.gate.set()
        await asyncio.gather(*accepted)

    with_batcher(test, max_queue=2)


def test_an_error_of_the_model_reaches_the_caller_and_the_next_request_is_answered() -> None:
    async def test(batcher: Batcher) -> None:
        with pytest.raises(RuntimeError, match="broken"):
            await batcher.predict(BrokenRecognizer(MODEL), images(1), deadline(), ignore)
        assert len(await batcher.predict(Recognizer(MODEL), images(1), deadline(), ignore)) == 1

    assert with_batcher(test) == [1]
