"""A client that has gone costs nothing more."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.service.conftest import PIXELS, asking, eventually, metric, statuses
from tests.serving import served

BODY = json.dumps(PIXELS).encode()
HEADERS = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}"
REQUEST = f"POST /v1/digits HTTP/1.1\r\n{HEADERS}\r\n\r\n".encode() + BODY


def test_a_request_whose_client_went_never_reaches_the_model(slow_run: Path) -> None:
    with served("--model", slow_run, "--max-batch", 1, "--deadline", 60) as server:
        with asking(server, 2) as outcomes:
            eventually(lambda: metric(server, "inkdigit_queue_depth") == 2, "two wait")
            gone = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
            for connection in gone:
                connection.sendall(REQUEST)
            eventually(lambda: metric(server, "inkdigit_queue_depth") >= 4, "and three more behind them")
            for connection in gone:
                connection.close()
            eventually(lambda: metric(server, "inkdigit_queue_depth") <= 2, "which are dropped while the model works")
        assert statuses(outcomes) == [200, 200]
        assert metric(server, "inkdigit_batch_size_sum") == 2
        rejected = 'inkdigit_rejected_total{reason="client_gone"}'
        assert metric(server, rejected) == 3
