"""The search: it asks the study what to try, has it trained, and decides after each epoch whether to go on."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from inkdigit.data import split
from inkdigit.data.dataset import Dataset
from inkdigit.data.loading import read_dataset
from inkdigit.errors import InkdigitError
from inkdigit.runs.build import lock_folder
from inkdigit.training.config import Settings, to_toml
from inkdigit.training.job import divide_rows
from inkdigit.tune.engine import Engine, EpochReport, Event, TrialData, TrialEnded, TrialRunner, WorkerLost
from inkdigit.tune.page import REPORT, write_page
from inkdigit.tune.results import BEST_FILE, SearchResult, ranked, summary, trial_line, trials_csv
from inkdigit.tune.space import Space, base_point, settings_at
from inkdigit.tune.study import Study, storage_errors
from inkdigit.utils.files import atomic
from inkdigit.utils.printable import encodable, printable
from inkdigit.utils.progress import Stopwatch, print_line

DATABASE, TABLE = "study.db", "trials.csv"
OWN_FILES = {DATABASE, f"{DATABASE}-journal", BEST_FILE, TABLE, REPORT}
# At least this share is held out: a curve and a temperature need few rows, telling good settings from better ones many.
MIN_VALIDATION_SHARE = 0.1
MAX_ATTEMPTS = 3  # processes that may die over a trial before it is given up
DEFAULT_TRIALS = 30  # where neither their number nor the time is given
MAX_WAIT_SECONDS = 86_400.0  # engines cannot wait for as long as a user may ask for


@dataclass(frozen=True)
class SearchConfig:
    """What to search.

    Attributes:
        base: the settings to start from; the best ones are these with a trial's values.
        space: what to search.
        out: the folder of study and findings.
        train: a file of labelled digits; None: MNIST's Kaggle-protocol split.
        trial_epochs: epochs of a trial, where these are not the base's.
        trial_rows: training rows of a trial, where these are not the base's.
        trials: how many in all, those of earlier calls included.
        minutes: how long this call may take.
        storage: URL of an Optuna storage; None: a file in `out`.
        study: the study's name there; None: that of `out`.
    """

    base: Settings
    space: Space
    out: Path
    train: Path | None = None
    trial_epochs: int | None = None
    trial_rows: int | None = None
    trials: int | None = None
    minutes: float | None = None
    storage: str | None = None
    study: str | None = None

    @property
    def settings(self) -> Settings:
        """What all trials have in common."""
        base = self.base
        return dataclasses.replace(
            base,
            epochs=self.trial_epochs or base.epochs,
            training_rows=base.training_rows if self.trial_rows is None else self.trial_rows,
            validation_share=max(base.validation_share, MIN_VALIDATION_SHARE),
            refit=False,
            members=1,
        )


def run(config: SearchConfig, engine: Engine) -> str:
    """Search, or go on with a search; write its folder and return the closing lines.

    Raises:
        InkdigitError: the rows, the folder, the storage or the engine cannot be used.
        KeyboardInterrupt: with the closing lines; the same command goes on.
    """
    with Stopwatch().stage("data"):
        data, used = load_rows(config)
    interrupted = False
    with _own_folder(config.out):
        where = "the storage given" if config.storage else str(config.out / DATABASE)
        study = _open_study(config, used, where)
        try:
            with engine(data) as runner, storage_errors(where):
                _search(config, study, runner)
        except KeyboardInterrupt:
            interrupted = True
        with storage_errors(where):
            trials, importance = study.results(), study.importance()
        scored_on = f"{len(data.validation):,} rows of {printable(used.source)} that no trial was trained on"
        result = SearchResult(config.base, config.settings, config.space, trials, importance, scored_on, config.train)
        written = write_files(result, config.out)
    if interrupted:
        raise KeyboardInterrupt(f"Interrupted. To go on, give the same command again.\n{written}") from None
    return f"{summary(result)}\n{written}"


def load_rows(config: SearchConfig) -> tuple[TrialData, Dataset]:
    """The rows that trials are trained and scored on, and both together. No test row is among them."""
    if config.train is None:
        rows, _ = split.kaggle_split(seed=config.base.seed)
    else:
        rows = read_dataset(config.train, labelled=True, part="train")
    used, train, validation = divide_rows(rows, config.settings)
    return TrialData(train, validation), used


@contextmanager
def _own_folder(folder: Path) -> Generator[None]:
    """Inside, the folder exists and no other process works in it.

    Raises:
        InkdigitError: `out-occupied` where it holds other things, `name-not-utf-8` where no database can be in it.
    """
    if str(folder.absolute()) != encodable(str(folder.absolute())):
        raise InkdigitError(
            f"{folder} is a name with bytes that are not UTF-8, which no database takes: choose another --out.",
            code="name-not-utf-8",
        )
    other = [path.name for path in folder.glob("[!.]*") if path.name not in OWN_FILES] if folder.is_dir() else []
    if other:
        raise InkdigitError(
            f"{folder} holds other things, such as {min(other)}: choose another --out.", code="out-occupied"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock_folder(folder, folder):
            yield
    finally:
        with suppress(OSError):  # it stays where anything was written
            folder.rmdir()


def _open_study(config: SearchConfig, used: Dataset, where: str) -> Study:
    # The folder may have any name: what has a meaning in a URL, or to Optuna, is escaped.
    url = config.storage or str(URL.create("sqlite", database=str((config.out / DATABASE).absolute())))
    space = {
        name: list(domain) if isinstance(domain, tuple) else dataclasses.asdict(domain)
        for name, domain in config.space.items()
    }
    identity = {"settings": dataclasses.asdict(config.settings), "space": space, "train": used.fingerprint}
    name = config.study or config.out.absolute().name
    return Study(url, name, where, json.loads(json.dumps(identity)), config.space, config.settings.epochs)


def _search(config: SearchConfig, study: Study, runner: TrialRunner) -> None:
    interrupted = study.interrupted()
    if done := study.count_begun() - len(interrupted):
        print_line(f"{done} trials were done before.")
    Search(config, study, runner, interrupted).run()


class Search:
    """The loop of a search.

    Args:
        config: what to search.
        study: proposes trials and keeps their figures.
        runner: trains them.
        interrupted: numbers of trials that an earlier call began and did not end.
    """

    def __init__(self, config: SearchConfig, study: Study, runner: TrialRunner, interrupted: list[int]):
        self.config, self.study, self.runner = config, study, runner
        self.goal = config.trials or (None if config.minutes else DEFAULT_TRIALS)
        self.waiting = list(interrupted)
        self.start_point = base_point(config.space, config.base)
        self.attempts: dict[int, int] = {}  # at each trial that is being trained
        self.deadline = time.monotonic() + 60 * config.minutes if config.minutes else None

    def run(self) -> None:
        """Search until there are enough trials, or the time is up: trials under way then wait for another call."""
        while (left := self._seconds_left()) is None or left > 0:
            self._start_trials()
            if not self.attempts:
                return
            for event in self.runner.wait(None if left is None else min(left, MAX_WAIT_SECONDS)):
                self._handle(event)
        print_line(f"The {self.config.minutes:g} minutes are over.")

    def _seconds_left(self) -> float | None:
        return None if self.deadline is None else self.deadline - time.monotonic()

    def _start_trials(self) -> None:
        """Begin trials while there are free slots: interrupted ones first, then new ones."""
        while len(self.attempts) < self.runner.slots:
            if self.waiting:
                number = self.waiting.pop(0)
            elif self.goal is None or self.study.count_begun() < self.goal:
                number = self.study.ask(self.start_point)
            else:
                return
            self._start(number, attempt=1)

    def _start(self, number: int, attempt: int) -> None:
        self.attempts[number] = attempt
        settings = settings_at(self.config.settings, self.study.point(number), f"Trial {number}")
        self.runner.start(number, settings)

    def _handle(self, event: Event) -> None:
        match event:
            case EpochReport():
                last = event.epoch == self.config.settings.epochs
                self.runner.decide(event.number, go_on=self.study.report(event, last=last))
            case TrialEnded():
                if event.error:
                    self.study.fail(event.number, event.error)
                self._close(event.number)
            case WorkerLost():
                self._retry(event.number)

    def _retry(self, number: int) -> None:
        """Train a trial again whose process is gone, unless its last report has ended it."""
        attempt = self.attempts[number]
        if self.study.results()[number].state != "unfinished":
            self._close(number)
        elif attempt < MAX_ATTEMPTS:
            print_line(f"Trial {number}: the process that trained it is gone; it is trained again.")
            self._start(number, attempt + 1)
        else:
            self.study.fail(number, f"{MAX_ATTEMPTS} processes in a row that trained it ended without a word.")
            self._close(number)

    def _close(self, number: int) -> None:
        """Print the line of a trial that has ended."""
        del self.attempts[number]
        trials = self.study.results()
        best = "".join(f"; best {loss:.4f}, trial {trial.number}" for loss, trial in ranked(trials)[:1])
        print_line(trial_line(trials[number], self.config.settings.epochs) + best)


def write_files(result: SearchResult, folder: Path) -> str:
    """Write the table and, where there is a best trial, its settings and the page; return the lines that name them."""
    with atomic(folder / TABLE) as temporary:
        temporary.write_text(trials_csv(result.trials, result.space), encoding="utf-8")
    if not result.best:
        return f"Trials: {printable(str(folder / TABLE))}"
    with atomic(folder / BEST_FILE) as temporary:
        temporary.write_text(to_toml(result.best_settings), encoding="utf-8")
    write_page(result, folder)
    best = f"Train with the best: {result.train_command(folder)}"
    return "\n".join(map(printable, [best, f"Report: {folder / REPORT}", f"Trials: {folder / TABLE}"]))
