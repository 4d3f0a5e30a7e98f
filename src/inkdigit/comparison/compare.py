"""Runs against each other on the same images: who is better, by how much, whether by chance, and on which digits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.evaluation.metrics import Evaluation, difference_interval, evaluate, holm_adjusted, mcnemar_test
from inkdigit.recognizer import Recognizer
from inkdigit.runs.leaderboard import LeaderboardEntry, format_accuracy, format_seconds, leaderboard_entry
from inkdigit.runs.predictions import (
    PREDICTIONS_FILE,
    Predictions,
    has_predictions,
    read_predictions,
    rows_trained_on,
    shared_rows,
    training_rows_unknown,
)
from inkdigit.runs.run import ONNX_MODEL, Run, read_distinct_runs, read_verified
from inkdigit.training.config import Settings
from inkdigit.utils.options import describe_settings
from inkdigit.utils.text_table import align_columns

DATA = "training data"


@dataclass(frozen=True)
class RunResult:
    """A run and how it does on the images of the comparison; probabilities: (N, 10) floats."""

    name: str
    entry: LeaderboardEntry
    probabilities: NDArray[np.floating]
    evaluation: Evaluation


@dataclass(frozen=True)
class PairwiseTest:
    """The first run against another one.

    only_first, only_second: rows, as indices, that just one of them reads rightly; neither: how many both miss.
    difference: first accuracy minus second, a fraction; low, high: its 95 % interval.
    p: of McNemar's exact test, adjusted by Holm's method where there are several duels.
    """

    first: RunResult
    second: RunResult
    only_first: NDArray[np.int64]
    only_second: NDArray[np.int64]
    neither: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> str:
        """The result in words, the more accurate run first."""
        names, alone = (self.first.name, self.second.name), (len(self.only_first), len(self.only_second))
        if not any(alone):
            return f"{names[0]} and {names[1]} are right on the same images."
        bounds = (self.low, self.high)
        if self.difference < 0:
            names, alone, bounds = names[::-1], alone[::-1], (-self.high, -self.low)
        better = f"{100 * abs(self.difference):.2f} percentage points more accurate than"
        low, high = (f"{100 * bound:+.2f}".replace("-", "−") for bound in bounds)
        images = "image" if alone[0] == 1 else "images"
        chance = "more than chance" if self.p < 0.05 else "perhaps chance"
        return (
            f"{names[0]} is {better if self.difference else 'as accurate as'} {names[1]} "
            f"(95 % interval {low} to {high}). Only {names[0]} is right on {alone[0]:,} {images}, "
            f"only {names[1]} on {alone[1]:,}: {chance}, {p_value(self.p)}."
        )


@dataclass(frozen=True)
class SettingDifference:
    """A setting in which the runs differ: its value in each, in their order ("–" where a run has none)."""

    name: str
    values: list[str]
    meaning: str


@dataclass(frozen=True)
class Comparison:
    """What is compared, on what.

    rows: the images in words. images: (N, 28, 28) uint8, blank where all runs are right; labels: (N,) int64.
    contenders: in the order given. duels: the first contender against each other one.
    notes: what a reader must know to judge the figures, a sentence each.
    """

    rows: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    contenders: list[RunResult]
    duels: list[PairwiseTest]
    settings: list[SettingDifference]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """The figures in types that `json.dumps` takes."""
        return {
            "rows": self.rows,
            "runs": [
                {"name": one.name, "folder": one.entry.folder, "evaluation": one.evaluation.to_json()}
                for one in self.contenders
            ],
            "duels": [
                {
                    "first": duel.first.name,
                    "second": duel.second.name,
                    "only_first": len(duel.only_first),
                    "only_second": len(duel.only_second),
                    "neither": duel.neither,
                    "difference": duel.difference,
                    "low": duel.low,
                    "high": duel.high,
                    "p": duel.p,
                }
                for duel in self.duels
            ],
            "settings": [asdict(difference) for difference in self.settings],
            "notes": self.notes,
        }


@dataclass(frozen=True)
class _Rows:
    """The images of a comparison as `Comparison` has them, and each run's probabilities for them."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probabilities: list[NDArray[np.floating]]
    notes: list[str]


def compare_runs(folders: Sequence[Path], data: Dataset | None = None) -> Comparison:
    """Compare the first run with each other one, on the images of `data` that no run has learnt.

    data: labelled; None takes the images that all runs were scored on when they were trained, with the answers they
    gave then. Raises InkdigitError where a run cannot be read or is not what its manifest says, where two are the
    same, and where there is nothing to compare them on.
    """
    found = read_distinct_runs(folders)
    if len(found) < 2:
        raise InkdigitError("One run alone cannot be compared: name two or more run folders.")
    names = _names(found)
    entries = [leaderboard_entry(run) for run in found]
    rows = _common(found, names) if data is None else _read_anew(found, names, data)
    contenders = [
        RunResult(name, entry, probabilities, evaluate(probabilities, rows.labels))
        for name, entry, probabilities in zip(names, entries, rows.probabilities, strict=True)
    ]
    return Comparison(
        rows=rows.name,
        images=rows.images,
        labels=rows.labels,
        contenders=contenders,
        duels=_duels(contenders, rows.labels),
        settings=_differences([run.manifest for run in found]),
        notes=rows.notes,
    )


def _names(found: Sequence[Run]) -> list[str]:
    """The folders' names, or their paths where two folders have the same name."""
    names = [run.folder.absolute().name for run in found]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in found]


# ---- the images


def _common(found: Sequence[Run], names: Sequence[str]) -> _Rows:
    """The images that all runs were scored on; their pictures are those that some run kept as a mistake."""
    every = [_verified_answers(run) for run in found]
    rows = shared_rows(every)
    if not len(rows[0]):
        raise InkdigitError(
            f"{listed(names)} were not scored on the same images, or one was trained on those of another: "
            "name labelled images that are new to all of them (--data labelled.csv)."
        )
    images = np.zeros((len(rows[0]), 28, 28), np.uint8)
    for one, own in zip(every, rows, strict=True):
        one.copy_mistakes(own, images)
    both, neither = ("both", "neither") if len(found) == 2 else ("all", "none")
    return _Rows(
        name=f"{len(images):,} images on which {both} were scored and {neither} was trained",
        images=images,
        labels=every[0].labels[rows[0]],
        probabilities=[one.probabilities[own] for one, own in zip(every, rows, strict=True)],
        notes=_notes(names, every, rows),
    )


def _verified_answers(run: Run) -> Predictions:
    if not has_predictions(run.folder):
        raise InkdigitError(
            f"{run.folder} keeps no {PREDICTIONS_FILE}, as runs of older versions do not: name labelled images "
            "to compare on (--data labelled.csv), or train it again."
        )
    read_verified(run.folder, ONNX_MODEL)  # answers of a model that is no longer there would say nothing
    return read_predictions(run.folder)


def _notes(names: Sequence[str], every: Sequence[Predictions], rows: Sequence[NDArray[np.int64]]) -> list[str]:
    notes = [
        f"The model of {name} has since learnt {count:,} of the images; its answers here come from before."
        for name, one, own in zip(names, every, rows, strict=True)
        if (count := np.isin(one.scored[own], one.model_trained_on).sum())
    ]
    if any(len(one.scored) > len(own) for one, own in zip(every, rows, strict=True)):
        scored = ", ".join(f"{len(one.scored):,} ({name})" for name, one in zip(names, every, strict=True))
        notes.append(f"They were scored on {scored}; accuracies here are those on the images they share.")
    return notes


def _read_anew(found: Sequence[Run], names: Sequence[str], data: Dataset) -> _Rows:
    """The images of `data`, less those that a run has learnt, read by every run's model."""
    new = np.ones(len(data), bool)
    learnt: list[str] = []
    notes: list[str] = []
    for run, name in zip(found, names, strict=True):
        known = rows_trained_on(run.folder, data)
        if known is None:
            notes.append(training_rows_unknown(name, data))
            continue
        new &= ~known
        if known.any():
            learnt.append(f"{name} was trained on {known.sum():,} of them")
    if learnt:
        notes.insert(0, f"Left out of {data.source}'s {len(data):,} images: {(~new).sum():,}; {', '.join(learnt)}.")
    if not new.any():
        raise InkdigitError(
            f"{data.source} holds no image that is new to {listed(names)}: {', '.join(learnt)}; "
            "compare on images that none was trained on."
        )
    images, labels = data.images[new], data.required_labels[new]
    return _Rows(
        name=f"{len(labels):,} images of {data.source}",
        images=images,
        labels=labels,
        probabilities=[Recognizer.load(run.folder).predict_proba(images) for run in found],
        notes=notes,
    )


def listed(names: Sequence[str]) -> str:
    """`one`, `one and two`, `one, two and three`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


# ---- the figures


def _duels(contenders: Sequence[RunResult], labels: NDArray[np.int64]) -> list[PairwiseTest]:
    first = contenders[0]
    right = [one.probabilities.argmax(axis=1) == labels for one in contenders]
    only_first = [np.flatnonzero(right[0] & ~other) for other in right[1:]]
    only_second = [np.flatnonzero(~right[0] & other) for other in right[1:]]
    counts = [(len(a), len(b)) for a, b in zip(only_first, only_second, strict=True)]
    p_values = holm_adjusted([mcnemar_test(*count) for count in counts])
    return [
        PairwiseTest(
            first,
            second,
            only_first[i],
            only_second[i],
            neither=int((~right[0] & ~right[i + 1]).sum()),
            difference=(counts[i][0] - counts[i][1]) / len(labels),
            low=difference_interval(*counts[i], len(labels))[0],
            high=difference_interval(*counts[i], len(labels))[1],
            p=p_values[i],
        )
        for i, second in enumerate(contenders[1:])
    ]


# ---- the settings


def _differences(manifests: Sequence[Mapping[str, Any]]) -> list[SettingDifference]:
    """Every setting that is not the same in all runs, and the data and network where those differ."""
    every = [_settings(manifest) for manifest in manifests]
    if len({(manifest.get("train") or {}).get("sha256") for manifest in manifests}) == 1:
        for settings in every:  # the same digits, whatever the file was called
            del settings[DATA]
    names = dict.fromkeys(name for settings in every for name in settings)
    found: list[SettingDifference] = []
    for name in names:
        values = [settings.get(name, ("–", "")) for settings in every]
        if len({value for value, _ in values}) > 1:
            found.append(SettingDifference(name, [value for value, _ in values], max(meaning for _, meaning in values)))
    return found


def _settings(manifest: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Name -> value and meaning of what a run was made with; settings that we do not know keep their plain value."""
    stored = {name: _tuples(value) for name, value in manifest["settings"].items()}
    known = {f.name for f in fields(Settings)} & stored.keys()
    described = describe_settings(Settings(**{name: stored[name] for name in known}))
    explained = {
        name: (f"{value} {unit}".strip(), meaning) for name, value, unit, meaning in described if name in known
    }
    plain = {name: (str(value), "") for name, value in stored.items() if name not in known}
    return explained | plain | _beyond_settings(manifest)


def _beyond_settings(manifest: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    train, source = manifest.get("train") or {}, manifest.get("model_file")
    network = f"own file {hashlib.sha256(source.encode()).hexdigest()[:8]}" if source else "Inkdigit's"
    return {
        DATA: (f"{train.get('source')} ({str(train.get('sha256'))[:8]})", "what it was trained on"),
        "network": (network, "where the network comes from"),
        "start_from": ((manifest.get("start_from") or "–")[:8], "the run whose network it started from"),
        "folds": (str(manifest.get("folds") or "–"), "networks that were cross-validated and averaged"),
        "deterministic": (str(manifest.get("deterministic", False)), "whether the training repeats itself exactly"),
    }


def _tuples(value: Any) -> Any:
    """A value from JSON as settings hold it."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


# ---- in words


RUN_HEADINGS = ("accuracy (95 %)", "params", "training")


def p_value(p: float) -> str:
    """`p = 0.031`, `p < 0.0001`."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def tested(comparison: Comparison) -> str:
    """Where the p-values come from."""
    count = len(comparison.duels)
    adjusted = f", adjusted for {count} tests by Holm's method" if count > 1 else ""
    return f"p is the probability of so uneven a split if both were equally good (McNemar's exact test{adjusted})."


def comparison_table(comparison: Comparison) -> str:
    """The comparison as lines of text for a terminal."""
    names = [one.name for one in comparison.contenders]
    settings = [(one.name, *one.values) for one in comparison.settings]
    parts = [
        [f"Compared on {comparison.rows}.", *comparison.notes],
        align_columns(
            [("run", *RUN_HEADINGS), *((one.name, *figures(one)) for one in comparison.contenders)], (1, 2, 3)
        ),
        [duel.verdict for duel in comparison.duels],
        [tested(comparison)],
        align_columns([("setting", *names), *settings]) if settings else ["No setting differs."],
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def figures(contender: RunResult) -> tuple[str, str, str]:
    """What stands under RUN_HEADINGS."""
    evaluation, entry = contender.evaluation, contender.entry
    return (
        format_accuracy(evaluation.accuracy, evaluation.low, evaluation.high),
        f"{entry.parameters:,}",
        format_seconds(entry.training_seconds),
    )
