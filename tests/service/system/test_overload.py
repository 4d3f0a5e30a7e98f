"""More requests than the model can take: some are answered, the others refused at once, and no one is lost."""

from __future__ import annotations

from pathlib import Path

from tests.service.conftest import PIXELS, asking, eventually, metric, statuses
from tests.serving import served


def test_what_the_queue_cannot_hold_is_refused_and_the_rest_answered(slow_run: Path) -> None:
    with served("--model", slow_run, "--max-queue", 3, "--max-batch", 1, "--deadline", 60) as server:
        with asking(server, 3) as accepted:
            eventually(lambda: metric(server, "inkdigit_queue_depth") == 3, "a full queue")
            refused = [server.post("/v1/digits", json=PIXELS) for _ in range(5)]
            assert not accepted
        assert [answer.status_code for answer in refused] == [503] * 5
        assert refused[0].headers["retry-after"] == "1"
        assert refused[0].json()["setting"] == "max_queue"
        assert statuses(accepted) == [200] * 3
        assert metric(server, "inkdigit_rejected_total") == 5
        assert metric(server, "inkdigit_queue_depth") == 0


def test_a_request_with_more_images_than_the_queue_is_answered_when_alone(linear_run: Path) -> None:
    with served("--model", linear_run, "--max-queue", 3) as server:
        answer = server.post("/v1/digits", json={"pixels": [PIXELS["pixels"]] * 9})
        assert len(answer.json()["results"]) == 9


def test_whoever_waits_past_the_deadline_is_told(slow_run: Path) -> None:
    with served("--model", slow_run, "--deadline", 0.05) as server:
        late = server.post("/v1/digits", json=PIXELS)
        assert late.status_code == 504
        assert late.json()["setting"] == "deadline"
        eventually(lambda: metric(server, "inkdigit_queue_depth") == 0, "nothing waits any more")


def test_requests_that_wait_go_together(slow_run: Path) -> None:
    with served("--model", slow_run, "--deadline", 60) as server:
        with asking(server, 9) as outcomes:
            pass
        assert statuses(outcomes) == [200] * 9
        assert metric(server, "inkdigit_batch_size_sum") == 9
        # One alone, and most of the others behind it; two or three, should they have come apart.
        assert metric(server, "inkdigit_batch_size_count") <= 4
