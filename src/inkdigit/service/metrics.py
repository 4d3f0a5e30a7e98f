"""What Prometheus reads at /metrics. The figures of several processes add up."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import prometheus_client as prometheus
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, multiprocess

from inkdigit.errors import InkdigitError

LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
BATCH_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # images
CONFIDENCE_BUCKETS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1)
# prometheus_client's variable: the folder that several processes share. It must be set before a process imports it.
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_FILE_PREFIXES = ("counter", "histogram", "gauge_livesum", "gauge_livemax")  # of prometheus_client's files there
_FILE_SIZE = 1 << 20  # bytes; one file has room for thousands of figures

prometheus.disable_created_metrics()  # a timestamp beside every figure; with several processes there are none either


def reserve_space() -> None:
    """Write the files that this process will share its figures in, so that their room on the disk is taken.

    prometheus_client maps empty files into memory: on a full disk the system would kill it at the first figure.

    Raises:
        InkdigitError: `metrics-unwritable`.
    """
    directory = Path(os.environ[DIRECTORY_VARIABLE])
    try:
        directory.mkdir(parents=True, exist_ok=True)  # somebody may have cleared the temporary folder
        for prefix in _FILE_PREFIXES:
            (directory / f"{prefix}_{os.getpid()}.db").write_bytes(bytes(_FILE_SIZE))
    except OSError as error:
        raise unwritable(directory.parent, error) from None


def unwritable(folder: Path, error: OSError) -> InkdigitError:
    """The error where several processes cannot share their figures."""
    return InkdigitError(
        f"The processes of the server cannot share their figures in {folder} ({error.strerror}): free "
        f"{len(_FILE_PREFIXES) * _FILE_SIZE >> 20} MiB for each, or name another folder in TMPDIR.",
        code="metrics-unwritable",
    )


class Metrics:
    """The counters and histograms of one service."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        for collector in (prometheus.ProcessCollector, prometheus.PlatformCollector, prometheus.GCCollector):
            collector(registry=registry)
        self.requests = prometheus.Counter(
            "inkdigit_requests",
            "Requests by route, method and status",
            ["route", "method", "status"],
            registry=registry,
        )
        self.latency = prometheus.Histogram(
            "inkdigit_request_seconds",
            "Time from a request's headers to its answer",
            ["route"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.batch_size = prometheus.Histogram(
            "inkdigit_batch_size",
            "Images that went through the model together",
            buckets=BATCH_SIZE_BUCKETS,
            registry=registry,
        )
        self.queue_depth = prometheus.Gauge(
            "inkdigit_queue_depth",
            "Images accepted and not yet answered",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.rejected = prometheus.Counter(
            "inkdigit_rejected", "Requests without a result, by reason", ["reason"], registry=registry
        )
        self.digits = prometheus.Counter(
            "inkdigit_digits", "Answers by digit, blank without ink", ["digit"], registry=registry
        )
        self.confidence = prometheus.Histogram(
            "inkdigit_confidence",
            "Probability of the answer given",
            buckets=CONFIDENCE_BUCKETS,
            registry=registry,
        )
        self.model = prometheus.Gauge(
            "inkdigit_model_version",
            "The version that answers",
            ["model"],
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._labelled: dict[tuple[str, ...], tuple[prometheus.Counter, prometheus.Histogram]] = {}
        self._digits = [self.digits.labels(str(digit)) for digit in range(10)]
        self.blank = self.digits.labels("blank")

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request and the seconds that it took."""
        key = route, method, str(status)
        if key not in self._labelled:
            self._labelled[key] = self.requests.labels(*key), self.latency.labels(route)
        counter, latency = self._labelled[key]
        counter.inc()
        latency.observe(seconds)

    def count_batch(self, probabilities: NDArray[np.float32]) -> None:
        """Count one batch and its predictions, (N, 10)."""
        self.batch_size.observe(len(probabilities))
        self.count_predictions(probabilities)

    def count_predictions(self, probabilities: NDArray[np.float32]) -> None:
        """Count the predictions of images, (N, 10)."""
        for row in probabilities.tolist():
            confidence = max(row)
            self._digits[row.index(confidence)].inc()
            self.confidence.observe(confidence)

    def text(self) -> bytes:
        """All metrics of all processes in Prometheus's text format."""
        if DIRECTORY_VARIABLE not in os.environ:
            return prometheus.generate_latest(self._registry)
        Path(os.environ[DIRECTORY_VARIABLE]).mkdir(parents=True, exist_ok=True)  # somebody may have removed it
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # pyright: ignore[reportUnknownMemberType]
        return prometheus.generate_latest(registry)
