"""Accuracy against the number of training rows, from runs that differ in nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from inkdigit.errors import InkdigitError
from inkdigit.runs.run import MANIFEST, Run, read_run
from inkdigit.training.config import completed

SMALLEST = 100  # training rows
SIZES = 5  # trainings beside the one on all rows


class Point(NamedTuple):
    """One run of the curve: rows it learnt from, accuracy with its 95 % interval as fractions, seconds of training."""

    name: str
    rows: int
    accuracy: float
    low: float
    high: float
    seconds: float


def training_sizes(rows: int) -> list[int]:
    """The five largest of 100, 200, 500, 1,000, 2,000, … below `rows`, in order."""
    steps = [factor * 10**power for power in range(2, 9) for factor in (1, 2, 5)]
    return [step for step in steps if SMALLEST <= step < rows][-SIZES:]


def curve_points(folder: Path, name: str) -> list[Point]:
    """The run in `folder`, called `name`, and its neighbours that belong to the same curve, by number of rows.

    Those were scored on the same images, with the same network and settings but for the seed. Empty where there are
    not two different numbers of rows.
    """
    run = read_run(folder)
    found = [curve_point(run, name)]
    for path in sorted(folder.absolute().parent.iterdir()):
        if path.name in {name, folder.name} or path.name.startswith(".") or not (path / MANIFEST).is_file():
            continue
        try:
            neighbour = read_run(path)
        except InkdigitError:  # whatever else lies beside this run is not its business
            continue
        if _task(neighbour) == _task(run):
            found.append(curve_point(neighbour, path.name))
    found.sort(key=lambda point: (point.rows, point.name))
    return found if found[0].rows < found[-1].rows else []


def _task(run: Run) -> dict[str, Any]:
    """What the runs of one curve have in common."""
    manifest = run.manifest
    settings = {k: v for k, v in completed(manifest)["settings"].items() if k not in {"seed", "training_rows"}}
    scored = manifest.get("figures", {}).get("scored_sha256")
    same = {key: manifest.get(key) for key in ("model_file", "start_from", "teacher", "member", "folds")}
    return {"settings": settings, "scored": scored, **same}


def curve_point(run: Run, name: str) -> Point:
    """A run's point, from its manifest. Raises InkdigitError where that does not say what it should."""
    try:
        figures = run.manifest["figures"]
        return Point(name, *(figures[key] for key in ("training_rows", "accuracy", "low", "high", "training_seconds")))
    except (KeyError, TypeError) as error:
        raise InkdigitError(
            f"{run.folder / MANIFEST} is damaged ({error}), or of an older version: train again."
        ) from None
