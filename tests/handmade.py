"""Run folders without Keras: linear models, fitted to real digits, stored as a training stores its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.metrics import evaluate
from inkdigit.recognizer import Recognizer
from inkdigit.runs.predictions import PREDICTIONS_FILE, write_predictions
from inkdigit.runs.run import ONNX_MODEL, read_run, write_manifest
from inkdigit.training.config import preset
from tests.conftest import part
from tests.onnx_models import linear_model


def least_squares(digits: Dataset) -> NDArray[np.float32]:
    """The (784, 10) weights of a linear classifier: it recognises at least four digits of five."""
    pixels = digits.images.reshape(-1, 784).astype(np.float64)
    targets = 10 * np.eye(10)[digits.required_labels] - 1
    ridge = pixels.T @ pixels + 1e6 * np.eye(784)
    return np.linalg.solve(ridge, pixels.T @ targets).astype(np.float32)


def make_run(
    folder: Path, train: Dataset, scored: Dataset, created: str = "2026-11-22T10:00:00+00:00", **settings: Any
) -> Path:
    """A finished run in `folder`: a linear model that was trained on `train`, and its predictions for `scored`."""
    folder.mkdir(parents=True)
    model = linear_model(least_squares(train))
    (folder / ONNX_MODEL).write_bytes(model)
    probabilities = Recognizer(model).predict_proba(scored.images)
    write_predictions(folder, train.hashes, train.hashes, scored, probabilities)
    evaluation = evaluate(probabilities, scored.required_labels)
    about = {
        "created": created,
        "settings": dataclasses.asdict(dataclasses.replace(preset("fast"), **settings)),
        "train": {"source": train.source, "rows": len(train), "sha256": train.fingerprint},
        "model_file": None,
        "deterministic": False,
        "figures": {
            "scored": f"{len(scored):,} held-out rows",
            "accuracy": evaluation.accuracy,
            "low": evaluation.low,
            "high": evaluation.high,
            "total": evaluation.total,
            "scored_sha256": scored.fingerprint,
            "training_seconds": 12.3,
        },
        "parameters": 7840,
    }
    write_manifest(folder, [ONNX_MODEL, PREDICTIONS_FILE], about)
    return folder


def forget_predictions(folder: Path) -> None:
    """Turn a run into one of an older version, which has no predictions."""
    manifest = read_run(folder).manifest
    (folder / PREDICTIONS_FILE).unlink()
    del manifest["files"]
    write_manifest(folder, [ONNX_MODEL], manifest)


def bare_run(folder: Path, model: bytes) -> Path:
    """A run folder with nothing but the model, its manifest written last."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ONNX_MODEL).write_bytes(model)
    write_manifest(folder, [ONNX_MODEL], {})
    return folder


def make_versions(folder: Path, digits: Dataset) -> Path:
    """A folder of run folders 1 and 2 with different predictions, trained on the first 1,000 and 2,000 digits."""
    for version, rows in ((1, slice(1000)), (2, slice(2000))):
        make_run(folder / str(version), part(digits, rows), part(digits, slice(-100, None)))
    return folder


def name_in_manifest(folder: Path, *names: str) -> None:
    """Name files of a run in its manifest with the checksums that they have now."""
    manifest = read_run(folder).manifest
    facts = {key: value for key, value in manifest.items() if key not in {"format", "files"}}
    write_manifest(folder, dict.fromkeys([*manifest["files"], *names]), facts)
