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
from inkdigit.tune.engine import EpochReport
from inkdigit.tune.results import State, TrialResult
from inkdigit.tune.space import Space, Value

IDENTITY = "inkdigit"  # the study's attribute that says what is searched
ERROR = "why"  # a trial's attribute that says why it failed
UNPRUNED_TRIALS = 4  # trials that are complete before any other is compared with them
MIN_TRIALS_FOR_IMPORTANCE = 10
NEARBY_TRIALS = 10  # trials around the first one, before the sampler draws from the whole space
CHANGED_SHARE = 0.25  # of the settings in which such a trial differs from the first one
PRUNING_WARM_UP = 0.5  # share of the epochs in which no trial is stopped: high learning rates hide what is good
OPEN_ERRORS = (ValueError, LookupError, RuntimeError)  # what Optuna raises for a URL that it cannot open, among others

optuna.logging.set_verbosity(optuna.logging.ERROR)


@contextmanager
def storage_errors(where: str, *others: type[Exception]) -> Generator[None]:
    """Raise what a storage raises in the block as an InkdigitError of one sentence, `storage-unusable`.

    Args:
        where: what the sentence calls the storage.
        others: more exceptions to treat so.
    """
    try:
        yield
    except (SQLAlchemyError, ImportError, optuna.exceptions.StorageInternalError, *others) as error:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        reason = str(cause).partition("\n")[0].rstrip(". ")
        raise InkdigitError(
            f"The search cannot be kept in {where} ({reason}): mend that and give the same command again, or name "
            "another with --storage, as sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
            code="storage-unusable",
        ) from None


class Study:
    """The trials of a search, in a storage. Each is known by its number, from 0.

    Args:
        url: of the Optuna storage.
        name: of the study there.
        where: what errors call the storage.
        identity: what makes a search the same search, as JSON takes it, with "settings".
        space: what is searched.
        epochs: of a trial.

    Raises:
        InkdigitError: `storage-unusable`, or `study-of-another-search` where the study holds another search.
    """

    def __init__(self, url: str, name: str, where: str, identity: Mapping[str, Any], space: Space, epochs: int):
        self.seed = int(identity["settings"]["seed"])
        self.space = space
        pruner = optuna.pruners.MedianPruner(UNPRUNED_TRIALS, max(round(PRUNING_WARM_UP * epochs), 2))
        self.open_trials: dict[int, optuna.Trial] = {}
        with storage_errors(where, *OPEN_ERRORS):
            self.study = optuna.create_study(storage=url, study_name=name, pruner=pruner, load_if_exists=True)
        with storage_errors(where):
            kept = self.study.user_attrs.get(IDENTITY)
            # A study that was made elsewhere is taken if it is empty and minimises one figure.
            if kept is None and not self.study.trials and self.study.directions == [StudyDirection.MINIMIZE]:
                self.study.set_user_attr(IDENTITY, identity)
                kept = identity
        earlier, asked = complete_manifest(kept or {}), complete_manifest(identity)
        if different := [part for part in identity if kept is None or earlier.get(part) != asked[part]]:
            raise InkdigitError(
                f"{where} holds a search {name} with other {' and '.join(different)}: choose another --out, or another "
                "--study in that storage.",
                code="study-of-another-search",
            )

    def interrupted(self) -> list[int]:
        """The numbers of trials that an earlier process began and did not end: they are to be trained again."""
        found = self._trials(TrialState.RUNNING)
        for trial in found:
            self.open_trials[trial.number] = self._suggest(optuna.Trial(self.study, trial._trial_id))  # pyright: ignore[reportPrivateUsage]
        return [trial.number for trial in found]

    def count_begun(self) -> int:
        """How many trials have begun, those that have ended included."""
        return len(self._trials()) - len(self._trials(TrialState.WAITING))

    def ask(self, start_point: Mapping[str, Value]) -> int:
        """Begin another trial, and return its number. The first one tries `start_point`."""
        earlier = self._trials()
        if not self._trials(TrialState.WAITING):
            # A point is written as a whole, and depends only on the trial's number and on the trials before it: after a
            # kill at any moment the search goes on as it would have.
            self.study.enqueue_trial(self._next_point(earlier) if earlier else dict(start_point))
        trial = self._suggest(self.study.ask())
        self.open_trials[trial.number] = trial
        return trial.number

    def _next_point(self, earlier: list[FrozenTrial]) -> dict[str, Any]:
        """A point by TPE (Bergstra et al., 2011); for the first trials, the first point with a few of its values."""
        seed = (self.seed * 1_000_003 + len(earlier)) % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed)
        copy = optuna.create_study(sampler=sampler)
        copy.add_trials(earlier)
        drawn, first = self._suggest(copy.ask()).params, earlier[0].params
        if len(earlier) > NEARBY_TRIALS:
            return drawn
        # Near good settings there are better ones; few of the points of so wide a space are good.
        rng = np.random.default_rng(seed)
        changes = [name for name in drawn if drawn[name] != first[name]]
        taken = rng.permutation(changes)[: max(rng.binomial(len(drawn), CHANGED_SHARE), 1)]
        return first | {name: drawn[name] for name in taken}

    def _suggest(self, trial: optuna.Trial) -> optuna.Trial:
        """The trial with a value for each setting that is searched."""
        for name, domain in self.space.items():
            if isinstance(domain, tuple):
                trial.suggest_categorical(name, domain)
            elif isinstance(domain.low, int) and isinstance(domain.high, int):
                trial.suggest_int(name, domain.low, domain.high, log=domain.log)
            else:
                trial.suggest_float(name, domain.low, domain.high, log=domain.log)
        return trial

    def point(self, number: int) -> dict[str, Value]:
        """What a trial that is under way tries."""
        return self.open_trials[number].params

    def report(self, epoch: EpochReport, *, last: bool) -> bool:
        """Keep an epoch's figures; end the trial where this is the last epoch, or it is too bad.

        Returns:
            Whether the trial goes on.
        """
        trial = self.open_trials[epoch.number]
        if not math.isfinite(epoch.loss):
            self.fail(epoch.number, f"Its loss on the validation rows is {epoch.loss}.")
            return False
        known = max(self._trials()[epoch.number].intermediate_values, default=0)
        if epoch.epoch > known:  # a trial that is trained again reports epochs that are known
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

    def fail(self, number: int, error: str) -> None:
        """End a trial whose settings cannot be trained. To the sampler it is worse than any other."""
        self.open_trials[number].set_user_attr(ERROR, error)
        self.study.tell(self.open_trials[number], state=TrialState.PRUNED)

    def results(self) -> list[TrialResult]:
        """All trials, by number."""
        return [_result(trial) for trial in self._trials()]

    def importance(self) -> dict[str, float]:
        """Each setting's share in whether a trial is among the best tenth (PED-ANOVA: Watanabe et al., 2023).

        Returns:
            The largest share first; empty for fewer than `MIN_TRIALS_FOR_IMPORTANCE` complete trials.
        """
        if len(self._trials(TrialState.COMPLETE)) < MIN_TRIALS_FOR_IMPORTANCE:
            return {}
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return optuna.importance.get_param_importances(self.study, evaluator=evaluator)

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states or None)


def _result(trial: FrozenTrial) -> TrialResult:
    figures = trial.user_attrs
    state: State = "unfinished"
    if ERROR in figures:
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
        figures.get(ERROR, ""),
    )
