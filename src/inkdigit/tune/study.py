"""Optuna's side of a search: what to try next, when to stop early, and a store that a kill takes nothing from."""

from __future__ import annotations

import math
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from inkdigit.errors import InkdigitError
from inkdigit.training.config import complete_manifest
from inkdigit.tune.engine import Reported
from inkdigit.tune.results import State, TrialResult
from inkdigit.tune.space import Space, Value

IDENTITY = "inkdigit"  # the study's attribute that says what is searched
BEFORE_PRUNING = 4  # trials that come to their end before any other is measured by them
FEWEST_FOR_IMPORTANCE = 10
NEARBY = 10  # trials around the first one, before others are drawn from what all of them have shown
CHANGED = 0.25  # share of the settings in which such a trial differs from the first one
WARM_UP = 0.5  # share of the epochs in which no trial is measured: until then chance and high rates hide what is good
# What Optuna raises, beside its own, for an address or a database that it cannot open.
OPENING = (ValueError, LookupError, RuntimeError)

optuna.logging.set_verbosity(optuna.logging.ERROR)


@contextmanager
def stored(where: str, *others: type[Exception]) -> Generator[None]:
    """Make a sentence, an InkdigitError, of what a storage raises in the block, and of `others`.

    where: what to call it.
    """
    try:
        yield
    except (SQLAlchemyError, ImportError, optuna.exceptions.StorageInternalError, *others) as error:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        told = str(cause).partition("\n")[0].rstrip(". ")
        raise InkdigitError(
            f"The search cannot be kept in {where} ({told}): see to it and give the same command again, or name "
            "another with --storage, as sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        ) from None


class Study:
    """A search's trials. Each is known by its number, from 0."""

    def __init__(self, url: str, name: str, where: str, identity: Mapping[str, Any], space: Space, epochs: int):
        """Open the study, or make it. Raises InkdigitError where it holds another search, or cannot be opened.

        where: what to call the storage. identity: what makes a search the same search, as JSON takes it.
        """
        self.seed = int(identity["settings"]["seed"])
        self.space = space
        pruner = optuna.pruners.MedianPruner(BEFORE_PRUNING, max(round(WARM_UP * epochs), 2))
        self.live: dict[int, optuna.Trial] = {}
        with stored(where, *OPENING):
            self.study = optuna.create_study(storage=url, study_name=name, pruner=pruner, load_if_exists=True)
        with stored(where):
            kept = self.study.user_attrs.get(IDENTITY)
            # One that was made elsewhere is taken where it has nothing yet, and looks for the least of one figure.
            if kept is None and not self.study.trials and self.study.directions == [StudyDirection.MINIMIZE]:
                self.study.set_user_attr(IDENTITY, identity)
                kept = identity
        earlier, asked = complete_manifest(kept or {}), complete_manifest(identity)
        if different := [part for part in identity if kept is None or earlier.get(part) != asked[part]]:
            raise InkdigitError(
                f"{where} holds a search {name} with other {' and '.join(different)}: choose another --out, or another "
                "--study in that storage."
            )

    def interrupted(self) -> list[int]:
        """Trials that were begun and not ended, by a process that is no more: they are trained again, as they are."""
        found = self._trials(TrialState.RUNNING)
        for trial in found:
            self.live[trial.number] = self._filled(optuna.Trial(self.study, trial._trial_id))  # pyright: ignore[reportPrivateUsage]
        return [trial.number for trial in found]

    def begun(self) -> int:
        """How many trials have begun, those that have ended included."""
        return len(self._trials()) - len(self._trials(TrialState.WAITING))

    def ask(self, own: Mapping[str, Value]) -> int:
        """Begin another trial; the first one tries the point `own`."""
        earlier = self._trials()
        if not self._trials(TrialState.WAITING):
            # A point enters the storage whole, as its trial does, and depends on the number of the trial and on those
            # before it alone: after a kill at any moment the search goes on as it would have.
            self.study.enqueue_trial(self._drawn(earlier) if earlier else dict(own))
        trial = self._filled(self.study.ask())
        self.live[trial.number] = trial
        return trial.number

    def _drawn(self, earlier: list[FrozenTrial]) -> dict[str, Any]:
        seed = (self.seed * 1_000_003 + len(earlier)) % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed)
        copy = optuna.create_study(sampler=sampler)
        copy.add_trials(earlier)
        drawn, first = self._filled(copy.ask()).params, earlier[0].params
        if len(earlier) > NEARBY:
            return drawn
        # Whoever starts from good settings finds better ones near them, and hardly any in a space so wide.
        rng = np.random.default_rng(seed)
        changes = [name for name in drawn if drawn[name] != first[name]]
        taken = rng.permutation(changes)[: max(rng.binomial(len(drawn), CHANGED), 1)]
        return first | {name: drawn[name] for name in taken}

    def _filled(self, trial: optuna.Trial) -> optuna.Trial:
        """A trial with a value for each setting that is searched."""
        for name, drawn in self.space.items():
            if isinstance(drawn, tuple):
                trial.suggest_categorical(name, drawn)
            elif isinstance(drawn.low, int) and isinstance(drawn.high, int):
                trial.suggest_int(name, drawn.low, drawn.high, log=drawn.log)
            else:
                trial.suggest_float(name, drawn.low, drawn.high, log=drawn.log)
        return trial

    def point(self, number: int) -> dict[str, Value]:
        """What a trial tries."""
        return self.live[number].params

    def report(self, epoch: Reported, *, last: bool) -> bool:
        """Keep an epoch's figures, and end the trial where they are the last or too bad; say whether it goes on."""
        trial = self.live[epoch.number]
        if not math.isfinite(epoch.loss):
            self.fail(epoch.number, f"Its loss on the validation rows is {epoch.loss}.")
            return False
        known = max(self._trials()[epoch.number].intermediate_values, default=0)
        if epoch.epoch > known:  # else of a trial that is done again, and went on here before
            trial.report(epoch.loss, epoch.epoch)
        if not last and (epoch.epoch < known or not trial.should_prune()):
            return True
        for name in ("epoch", "accuracy", "seconds"):
            trial.set_user_attr(name, getattr(epoch, name))
        if last:
            self.study.tell(trial, epoch.loss)
        else:
            self.study.tell(trial, state=TrialState.PRUNED)
        return False

    def fail(self, number: int, why: str) -> None:
        """End a trial whose settings cannot be trained. To the sampler it is worse than any other."""
        self.live[number].set_user_attr("why", why)
        self.study.tell(self.live[number], state=TrialState.PRUNED)

    def tried(self) -> list[TrialResult]:
        """All trials, in order."""
        return [_tried(trial) for trial in self._trials()]

    def importance(self) -> dict[str, float]:
        """The share of each setting in how good the best tenth is, the largest first; empty for too few trials."""
        if len(self._trials(TrialState.COMPLETE)) < FEWEST_FOR_IMPORTANCE:
            return {}
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return optuna.importance.get_param_importances(self.study, evaluator=evaluator)

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states or None)


def _tried(trial: FrozenTrial) -> TrialResult:
    figures = trial.user_attrs
    state: State = "unfinished"
    if "why" in figures:
        state = "failed"
    elif trial.state in {TrialState.COMPLETE, TrialState.PRUNED}:
        state = "complete" if trial.state == TrialState.COMPLETE else "pruned"
    ended = state in {"complete", "pruned"}
    return TrialResult(
        trial.number,
        state,
        trial.params,
        [trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values)],
        trial.value if ended else None,
        figures["accuracy"] if ended else None,
        figures["seconds"] if ended else None,
        figures.get("why", ""),
    )
