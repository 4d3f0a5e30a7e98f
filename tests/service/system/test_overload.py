"""More requests than the model can take: some are answered, the others refused at once, and none is lost."""

from __future__ import annotations

from pathlib import Path

from tests.service.conftest import PIXELS, asking, eventually, metric, statuses
from tests.serving import served


def test_what_the_queue_cannot_hold_is_refused_and_the_rest_answered(slow_run: Path) -> None:
    with served("--model", slow_run, "--max-queue", 3, "--max-batch", 1, "--deadline", 60) as server:
        with asking(server, 3) as accepted:
            eventually(lambda: metric(server, "inkdigit_queue_depth") == 3, "a full queue")
            refused = [server.post("/v1/digits", json=PIXELS) for _ in range(2)]
        assert [answer.status_code for answer in refused] == [503] * 2
        assert refused[0].headers["retry-after"] == "1"
        assert refused[0].json()["setting"] == "max_queue"
        assert statuses(accepted) == [200] * 3
        assert metric(server, "inkdigit_rejected_total") == 2
        assert metric(server, "inkdigit_queue_depth") == 0
