"""What Prometheus reads."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.service.conftest import metric
from tests.service.inprocess import local_service


def test_everything_is_counted(real_digits: Dataset) -> None:
    images = real_digits.images[5000:5012]
    answers = Recognizer.load().predict(images)
    with local_service() as server:
        server.post("/v1/digits", json={"pixels": images.tolist()})
        server.post("/v1/digits", json={"pixels": images[0].tolist()})
        server.post("/v1/digits", json={"pixels": []})
        server.get("/nothing-here")
        for digit in range(10):
            expected = (answers == digit).sum() + (answers[0] == digit)
            assert metric(server, f'inkdigit_digits_total{{digit="{digit}"}}') == expected
        assert metric(server, "inkdigit_confidence_count") == 13
        assert metric(server, "inkdigit_batch_size_sum") == 13
        assert metric(server, "inkdigit_batch_size_count") == 2
        route = 'inkdigit_requests_total{method="POST",route="/v1/digits",status='
        assert metric(server, route + '"200"}') == 2
        assert metric(server, route + '"422"}') == 1
        assert metric(server, 'inkdigit_requests_total{method="GET",route="none",status="404"}') == 1
        assert metric(server, 'inkdigit_request_seconds_count{route="/v1/digits"}') == 3
        assert metric(server, 'inkdigit_model_version{model="digits"}') == 1
        names = {family.name for family in text_string_to_metric_families(server.get("/metrics").text)}
    assert {"inkdigit_queue_depth", "inkdigit_rejected", "process_resident_memory_bytes"} <= names
