"""A report's data <-> one compressed NPZ file in the run folder, from which the report can be drawn again."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.evaluation.calibration import calibration_of
from inkdigit.export.tta import SHIFTS
from inkdigit.report.data import ImageRows, Layer, Report, Samples, Scored, Setting, Stage
from inkdigit.report.feature_maps import Convolutions, FeatureMaps
from inkdigit.report.occlusion import Occlusion
from inkdigit.runs.run import read_run, read_verified
from inkdigit.utils.files import atomic

ARCHIVE = "report.npz"
IMAGE_ROWS = ("mistakes", "typical", "strange", "occluded")

Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")


def write(report: Report, folder: Path) -> None:
    """Write report.npz: each array under its own name, everything else as JSON under "facts"."""
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
    """Read a run folder's report.npz.

    Raises:
        InkdigitError: The file is missing, was changed, or was written by another version.
    """
    return read_arrays(folder, ARCHIVE, lambda arrays: _report(arrays, _views_by_manifest(folder)))


def read_answers(folder: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Labels, (N,), and calibrated probabilities, (N, 10), of the rows that a run was scored on. Raises as `read`."""
    return read_arrays(folder, ARCHIVE, lambda arrays: (arrays["labels"], arrays["probabilities"]))


def read_arrays(folder: Path, name: str, parts: Callable[[Arrays], T]) -> T:
    """Read an NPZ file of a run, checked against the run's manifest, and return what `parts` makes of its arrays.

    Raises:
        InkdigitError: The file is missing or was changed, or `parts` raised KeyError, TypeError or ValueError: then
            another version of Inkdigit wrote the file.
    """
    content = read_verified(folder, name)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return parts(arrays)
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile):
        raise InkdigitError(
            f"{folder / name} was written by another version of Inkdigit: train again, or use that version.",
            code="file-version-unknown",
        ) from None


def _views_by_manifest(folder: Path) -> int:
    """The number of views of a run whose report.npz is older than the fact "views"."""
    return len(SHIFTS) if read_run(folder).manifest.get("settings", {}).get("tta") is True else 1


def _report(arrays: Arrays, views: int) -> Report:
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
        scored=_scored(arrays, **facts["scored"]) if facts["scored"] else None,
        stages=[Stage(*row) for row in facts["stages"]],
        memory_peak=facts["memory_peak"],
        hardware=facts["hardware"],
        versions=facts["versions"],
    )


def _scored_arrays(scored: Scored) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "labels": scored.labels,
        "probabilities": scored.probabilities,
        **{f"occlusion_{name}": array for name, array in vars(scored.occlusion).items()},
    }
    for name in IMAGE_ROWS:
        shown: ImageRows = getattr(scored, name)
        arrays |= {f"{name}_rows": shown.rows, f"{name}_images": shown.images}
    return arrays


def _scored(arrays: Arrays, name: str, **calibration: float) -> Scored:
    shown = {name: ImageRows(arrays[f"{name}_rows"], arrays[f"{name}_images"]) for name in IMAGE_ROWS}
    parts = {part: arrays[f"occlusion_{part}"] for part in ("read", "before", "lowest", "losses")}
    return Scored(
        name,
        arrays["labels"],
        arrays["probabilities"],
        calibration_of(calibration),
        occlusion=Occlusion(**parts),
        **shown,
    )
