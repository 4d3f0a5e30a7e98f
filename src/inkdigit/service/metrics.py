"""What Prometheus reads at /metrics; over several processes it adds up."""

from __future__ import annotations

import os

import numpy as np
import prometheus_client as prometheus
from numpy.typing import NDArray
from prometheus_client import multiprocess

LATENCIES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CONFIDENCES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1)
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's variable: set before its first import

prometheus.disable_created_metrics()  # a time beside every figure; over several processes there are none either


class Metrics:
    """The counters and histograms of one process. Make one a process."""

    def __init__(self) -> None:
        self.requests = prometheus.Counter(
            "inkdigit_requests", "Requests by route, method and status", ["route", "method", "status"]
        )
        self.latency = prometheus.Histogram(
            "inkdigit_request_seconds", "Time from a request's headers to its answer", ["route"], buckets=LATENCIES
        )
        self.batch_size = prometheus.Histogram(
            "inkdigit_batch_size", "Images that went through the model together", buckets=SIZES
        )
        self.queue_depth = prometheus.Gauge(
            "inkdigit_queue_depth", "Images accepted and not yet answered", multiprocess_mode="livesum"
        )
        self.rejected = prometheus.Counter("inkdigit_rejected", "Requests without a result, by reason", ["reason"])
        self.digits = prometheus.Counter("inkdigit_digits", "Answers by digit, blank without ink", ["digit"])
        self.confidence = prometheus.Histogram(
            "inkdigit_confidence", "Probability of the answer given", buckets=CONFIDENCES
        )
        self.model = prometheus.Gauge(
            "inkdigit_model_version", "The version that answers", ["model"], multiprocess_mode="livemax"
        )
        self._labelled: dict[tuple[str, ...], tuple[prometheus.Counter, prometheus.Histogram]] = {}
        self._digits = [self.digits.labels(str(digit)) for digit in range(10)]
        self.blank = self.digits.labels("blank")

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request is answered."""
        key = route, method, str(status)
        if key not in self._labelled:
            self._labelled[key] = self.requests.labels(*key), self.latency.labels(route)
        counter, latency = self._labelled[key]
        counter.inc()
        latency.observe(seconds)

    def batch(self, probabilities: NDArray[np.float32]) -> None:
        """The answers to a batch of images, (N, 10)."""
        self.batch_size.observe(len(probabilities))
        self.answers(probabilities)

    def answers(self, probabilities: NDArray[np.float32]) -> None:
        """The answers to some images, (N, 10)."""
        for row in probabilities.tolist():
            confidence = max(row)
            self._digits[row.index(confidence)].inc()
            self.confidence.observe(confidence)

    def text(self) -> bytes:
        """All of it in Prometheus's format, of all processes."""
        if DIRECTORY not in os.environ:
            return prometheus.generate_latest()
        registry = prometheus.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # pyright: ignore[reportUnknownMemberType]
        return prometheus.generate_latest(registry)
