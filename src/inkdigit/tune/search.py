"""The search: it asks the study what to try, has it trained, and decides after each epoch whether to go on."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy.engine import URL

from inkdigit.data import split
from inkdigit.data.dataset import Dataset
from inkdigit.data.loading import read_dataset
from inkdigit.errors import InkdigitError
from inkdigit.runs.build import lock_folder
from inkdigit.training.config import Settings, to_toml
from inkdigit.training.job import divide_rows
from inkdigit.tune import local
from inkdigit.tune.engine import Ended, Engine, Event, Lost, Reported, Rows
from inkdigit.tune.page import REPORT, write_search
from inkdigit.tune.results import BEST, Outcome, line, ranked, summary, table
from inkdigit.tune.space import Space, own_values, settings_of
from inkdigit.tune.study import Study, stored
from inkdigit.utils.files import atomic
from inkdigit.utils.hardware import cpu_cores
from inkdigit.utils.progress import Stopwatch, console

DATABASE, TABLE = "study.db", "trials.csv"
OURS = {DATABASE, f"{DATABASE}-journal", BEST, TABLE, REPORT}
# At least that share is held out: a curve and a temperature need few rows, telling good settings from better ones many.
HELD_OUT = 0.1
ATTEMPTS = 3  # processes that may end without a word before a trial is given up
TRIALS = 30  # where neither their number nor the time is given
DAY = 86_400.0  # seconds; engines cannot wait for as many as a user may give


@dataclass(frozen=True)
class Job:
    """What to search: `train` is a file of labelled digits (None: MNIST's Kaggle-protocol split), `out` a folder.

    base: the settings to start from, which the best ones are told on top of; trial_epochs, trial_rows: what trials take
    in place of the base's, to be cheaper. trials: how many in all, with those of earlier calls. minutes: how long this
    call may take. jobs: trials at a time (None: one here, as many as there are processors on a cluster).
    """

    base: Settings
    space: Space
    out: Path
    train: Path | None = None
    trial_epochs: int | None = None
    trial_rows: int | None = None
    trials: int | None = None
    minutes: float | None = None
    jobs: int | None = None
    engine: Literal["local", "ray"] = "local"
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
            validation_share=max(base.validation_share, HELD_OUT),
            refit=False,
            members=1,
        )


def run(job: Job) -> str:
    """Search, or go on with a search; write its folder and return the closing lines.

    Raises InkdigitError for rows, a folder, a storage or a cluster that cannot be used.
    """
    if job.engine == "local" and job.jobs and job.jobs > cpu_cores():
        raise InkdigitError(f"--jobs {job.jobs} would share out {cpu_cores()} cores: give that many or fewer.")
    with Stopwatch().stage("Data"):
        rows, used = rows_of(job)
    interrupted = False
    with _folder(job.out):
        where = "the storage given" if job.storage else str(job.out / DATABASE)
        study = _open(job, used, where)
        try:
            with _engine(job, rows) as engine, stored(where):
                _search(job, study, engine)
        except KeyboardInterrupt:
            interrupted = True
        with stored(where):
            trials, importance = study.tried(), study.importance()
        held_out = f"{len(rows.validation):,} rows of {used.source} that no trial learnt from"
        outcome = Outcome(job.base, job.settings, job.space, trials, importance, held_out, job.train)
        told = write(outcome, job.out)
    if interrupted:
        raise KeyboardInterrupt(f"Interrupted. To go on, give the same command again.\n{told}") from None
    return f"{summary(outcome)}\n{told}"


def rows_of(job: Job) -> tuple[Rows, Dataset]:
    """What trials learn from and are looked at on, and the two together. No test row is among them."""
    if job.train is None:
        rows, _ = split.kaggle_split(seed=job.base.seed)
    else:
        rows = read_dataset(job.train, labelled=True, part="train")
    used, train, validation = divide_rows(rows, job.settings)
    return Rows(train, validation), used


@contextmanager
def _folder(folder: Path) -> Generator[None]:
    """Inside, the folder is there and nobody else works in it. Raises InkdigitError where it holds other things."""
    other = [path.name for path in folder.glob("[!.]*") if path.name not in OURS] if folder.is_dir() else []
    if other:
        raise InkdigitError(f"{folder} holds other things, such as {min(other)}: choose another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock_folder(folder, folder):
            yield
    finally:
        with suppress(OSError):  # where nothing came of it
            folder.rmdir()


def _open(job: Job, used: Dataset, where: str) -> Study:
    # Any folder will do: what means something in an address, or to Optuna, is escaped.
    url = job.storage or str(URL.create("sqlite", database=str((job.out / DATABASE).absolute())))
    space = {
        name: list(drawn) if isinstance(drawn, tuple) else dataclasses.asdict(drawn)
        for name, drawn in job.space.items()
    }
    identity = {"settings": dataclasses.asdict(job.settings), "space": space, "train": used.fingerprint}
    name = job.study or job.out.absolute().name
    return Study(url, name, where, json.loads(json.dumps(identity)), job.space, job.settings.epochs)


@contextmanager
def _engine(job: Job, rows: Rows) -> Generator[Engine]:
    if job.engine == "ray":
        from inkdigit.cluster import connection

        with connection.connected():
            from inkdigit.cluster import trials

            yield trials.Tasks(rows, job.jobs)
    else:
        with local.engine(rows, job.jobs or 1) as processes:
            yield processes


def _search(job: Job, study: Study, engine: Engine) -> None:
    goal = job.trials or (None if job.minutes else TRIALS)
    waiting = study.interrupted()
    if done := study.begun() - len(waiting):
        console.print(f"{done} trials were done before.")
    Search(job, study, engine, goal, waiting).run()


class Search:
    """The trials at work, and how often each was begun."""

    def __init__(self, job: Job, study: Study, engine: Engine, goal: int | None, waiting: list[int]):
        self.job, self.study, self.engine = job, study, engine
        self.goal, self.waiting = goal, waiting
        self.own = own_values(job.space, job.base)
        self.running: dict[int, int] = {}
        self.deadline = time.monotonic() + 60 * job.minutes if job.minutes else None

    def run(self) -> None:
        """Until there are the trials asked for, or the time is up: what is at work then waits for another call."""
        while (left := self._left()) is None or left > 0:
            self._fill()
            if not self.running:
                return
            for event in self.engine.wait(None if left is None else min(left, DAY)):
                self._heard(event)
        console.print(f"The {self.job.minutes:g} minutes are over.")

    def _left(self) -> float | None:
        return None if self.deadline is None else self.deadline - time.monotonic()

    def _fill(self) -> None:
        """Begin trials while there is room for them: those of an interrupted search, then new ones."""
        while len(self.running) < self.engine.slots:
            if self.waiting:
                number = self.waiting.pop(0)
            elif self.goal is None or self.study.begun() < self.goal:
                number = self.study.ask(self.own)
            else:
                return
            self._start(number, attempt=1)

    def _start(self, number: int, attempt: int) -> None:
        self.running[number] = attempt
        self.engine.start(number, settings_of(self.job.settings, self.study.point(number), f"Trial {number}"))

    def _heard(self, event: Event) -> None:
        match event:
            case Reported():
                last = event.epoch == self.job.settings.epochs
                self.engine.answer(event.number, go_on=self.study.report(event, last=last))
            case Ended():
                if event.why:
                    self.study.fail(event.number, event.why)
                self._told(event.number)
            case Lost():
                self._lost(event.number)

    def _lost(self, number: int) -> None:
        """What worked on a trial is gone: another does it again, unless it had said all that it had to say."""
        attempt = self.running[number]
        if self.study.tried()[number].state != "unfinished":
            self._told(number)
        elif attempt < ATTEMPTS:
            console.print(f"Trial {number}: what trained it is gone; it is trained again.")
            self._start(number, attempt + 1)
        else:
            self.study.fail(number, f"{ATTEMPTS} processes in a row that trained it ended without a word.")
            self._told(number)

    def _told(self, number: int) -> None:
        """A line for a trial that has ended."""
        del self.running[number]
        trials = self.study.tried()
        best = "".join(f"; best {loss:.4f}, trial {trial.number}" for loss, trial in ranked(trials)[:1])
        console.print(line(trials[number], self.job.settings.epochs) + best)


def write(outcome: Outcome, folder: Path) -> str:
    """Write the table and, where there is a best trial, its settings and the page; returns the lines that say so."""
    with atomic(folder / TABLE) as temporary:
        temporary.write_text(table(outcome.trials, outcome.space), encoding="utf-8")
    if not outcome.best:
        return f"Trials: {folder / TABLE}"
    with atomic(folder / BEST) as temporary:
        temporary.write_text(to_toml(outcome.best_settings), encoding="utf-8")
    write_search(outcome, folder)
    best = f"Train with the best: {outcome.train_command(folder)}"
    return "\n".join([best, f"Report: {folder / REPORT}", f"Trials: {folder / TABLE}"])
