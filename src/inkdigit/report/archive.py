"""A report's data <-> one compressed NPZ file in the run folder, from which the report can be drawn again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.evaluation.calibration import calibration_of
from inkdigit.export.model_summary import Layer
from inkdigit.export.tta import SHIFTS
from inkdigit.report.data import ImageRows, Report, Samples, Scored, Setting
from inkdigit.report.feature_maps import Convolutions, FeatureMaps
from inkdigit.report.occlusion import Occlusion
from inkdigit.runs.predictions import Predictions, read_predictions
from inkdigit.runs.run import read_arrays, read_run
from inkdigit.utils.files import atomic
from inkdigit.utils.npz import Arrays
from inkdigit.utils.progress import Stage

ARCHIVE = "report.npz"
IMAGE_ROWS = ("mistakes", "typical", "strange", "occluded")


def write(report: Report, folder: Path) -> None:
    """Write report.npz: each array under its own name, everything else as JSON under "facts".

    The labels and probabilities of the scored rows are in the run's predictions.npz.
    """
    inner, scored = report.convolutions, report.scored
    facts = {
        "preset": report.preset,
        "source": report.source,
        "settings": report.settings,
        "layers": report.layers,
        "networks": report.networks,
        "views": report.views,
        "convolutions": [(stage.layer, stage.channels) for stage in inner.stages],
        "history": report.history,
        "training_seconds": report.training_seconds,
        "scored": scored and {"name": scored.name, **scored.calibration._asdict()},
        "stages": report.stages,
        "memory_peak": report.memory_peak,
        "hardware": report.hardware,
        "versions": report.versions,
    }
    arrays: dict[str, NDArray[Any]] = {
        "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
        "samples": report.samples.images,
        "counts": report.samples.counts,
        "augmented": report.augmented,
        "digit": report.digit,
        "learning_rates": report.learning_rates,
        "filters": inner.filters,
        "responses": inner.responses,
        **{f"maps_{number}": stage.maps for number, stage in enumerate(inner.stages)},
        **(_scored_arrays(scored) if scored else {}),
    }
    with atomic(folder / ARCHIVE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read(folder: Path) -> Report:
    """Read what a run folder keeps for its report.

    Raises:
        InkdigitError: A file is missing, was changed, or was written by another version.
    """
    predictions = read_predictions(folder)
    tta = read_run(folder).manifest.get("settings", {}).get("tta") is True
    views = len(SHIFTS) if tta else 1  # of a report.npz that is older than the fact "views"
    return read_arrays(folder, ARCHIVE, lambda arrays: _report(arrays, predictions, views))


def _report(arrays: Arrays, predictions: Predictions, views: int) -> Report:
    facts = json.loads(arrays["facts"].tobytes())
    stages = [
        FeatureMaps(layer, channels, arrays[f"maps_{number}"])
        for number, (layer, channels) in enumerate(facts["convolutions"])
    ]
    return Report(
        preset=facts["preset"],
        source=facts["source"],
        settings=[Setting(*row) for row in facts["settings"]],
        samples=Samples(arrays["samples"], arrays["counts"]),
        augmented=arrays["augmented"],
        digit=arrays["digit"],
        layers=[Layer(name, kind, tuple(shape), *counts) for name, kind, shape, *counts in facts["layers"]],
        networks=facts.get("networks", 1),
        views=facts.get("views", views),
        convolutions=Convolutions(arrays["filters"], arrays["responses"], stages),
        history=facts["history"],
        learning_rates=arrays["learning_rates"],
        training_seconds=facts["training_seconds"],
        scored=_scored(arrays, predictions, **facts["scored"]) if facts["scored"] else None,
        stages=[Stage(*row) for row in facts["stages"]],
        memory_peak=facts["memory_peak"],
        hardware=facts["hardware"],
        versions=facts["versions"],
    )


def _scored_arrays(scored: Scored) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        **{f"occlusion_{name}": array for name, array in vars(scored.occlusion).items()},
    }
    for name in IMAGE_ROWS:
        shown: ImageRows = getattr(scored, name)
        arrays |= {f"{name}_rows": shown.rows, f"{name}_images": shown.images}
    return arrays


def _scored(arrays: Arrays, predictions: Predictions, name: str, **calibration: float) -> Scored:
    shown = {name: ImageRows(arrays[f"{name}_rows"], arrays[f"{name}_images"]) for name in IMAGE_ROWS}
    parts = {part: arrays[f"occlusion_{part}"] for part in ("read", "before", "lowest", "losses")}
    return Scored(
        name,
        predictions.labels,
        predictions.probabilities,
        calibration_of(calibration),
        occlusion=Occlusion(**parts),
        **shown,
    )
