"""Accuracy against the number of training rows, from the manifests of runs that differ in nothing else."""

from __future__ import annotations

from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.report.data import CurvePoint
from inkdigit.runs.run import MANIFEST, Run, damaged_manifest, read_run
from inkdigit.training.config import complete_manifest
from inkdigit.utils.printable import printable


def curve_points(run: Run, name: str) -> list[CurvePoint]:
    """The points of a run and of its neighbours on the same curve, by number of rows.

    The neighbours were scored on the same images, with the same network and settings but for the seed. Empty where
    there are not two different numbers of rows.

    Args:
        run: whose folder may be that of a run that is still being built.
        name: of the run.
    """
    found = [curve_point(run, name)]
    for path in sorted(run.folder.absolute().parent.iterdir()):
        if path.name.startswith(".") or not (path / MANIFEST).is_file():
            continue
        if printable(path.name) in {name, printable(run.folder.name)}:
            continue
        try:
            neighbour = read_run(path)
        except InkdigitError:  # a damaged neighbour does not concern this run
            continue
        if _task(neighbour) == _task(run):
            found.append(curve_point(neighbour, printable(path.name)))
    found.sort(key=lambda point: (point.rows, point.name))
    return found if found[0].rows < found[-1].rows else []


def _task(run: Run) -> dict[str, Any]:
    """What the runs of one curve have in common."""
    manifest = run.manifest
    settings = {k: v for k, v in complete_manifest(manifest)["settings"].items() if k not in {"seed", "training_rows"}}
    scored = manifest.get("figures", {}).get("scored_sha256")
    same = {key: manifest.get(key) for key in ("model_file", "start_from", "teacher", "member", "folds")}
    return {"settings": settings, "scored": scored, **same}


def curve_point(run: Run, name: str) -> CurvePoint:
    """A run's point, from its manifest. Raises InkdigitError where that does not say what it should."""
    try:
        figures = run.manifest["figures"]
        values = (figures[key] for key in ("training_rows", "accuracy", "low", "high", "training_seconds"))
        return CurvePoint(name, *values)
    except (KeyError, TypeError) as error:
        raise damaged_manifest(run.folder, error) from None
