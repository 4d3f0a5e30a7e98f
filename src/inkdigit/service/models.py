"""The models that are served: one run, or a folder of versions that are taken up and dropped while serving."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkdigit.errors import InkdigitError
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import MANIFEST, ONNX_MODEL

NAME = "digits"
QUICK = 0.002  # seconds
SECONDS = 1.0  # between two looks at a folder of versions

VERSION = re.compile(r"[1-9][0-9]{0,17}")

State = tuple[tuple[int, int], ...]
Say = Callable[[str, str], object]  # level, sentence


@dataclass(frozen=True)
class Model:
    """A version that is loaded and warm."""

    version: int
    recognizer: Recognizer
    quick: bool  # whether it reads a digit sooner than a thread would take it up and give it back


class Models:
    """The loaded versions, and the one of them that answers: the highest."""

    def __init__(self, threads: int, warm: int, say: Say) -> None:
        self.threads, self.warm, self.say = threads, warm, say
        self.loaded: dict[int, Model] = {}
        self.current: Model
        self._seen: dict[int, State] = {}  # what each version's files looked like when it was loaded or refused

    def load_one(self, run: Path) -> None:
        """Serve a single run as version 1. Raises InkdigitError."""
        self.loaded = {1: self._load(run, 1)}
        self.current = self.loaded[1]

    def load_folder(self, folder: Path) -> None:
        """Serve the versions in a folder. Raises InkdigitError where there is none that works."""
        changes, found = self.changes(folder)
        self.adopt(found, changes)
        if not self.loaded:
            raise InkdigitError(
                f"{folder} holds no model to serve: put run folders named 1, 2, … there, as `inkdigit train --out "
                f"{folder / '1'}` writes them."
            )

    def find(self, version: str) -> Model | None:
        """The loaded model of a version, as an address names it."""
        return self.loaded.get(int(version)) if VERSION.fullmatch(version) else None

    def changes(self, folder: Path) -> tuple[dict[int, Model], set[int]]:
        """The versions that are new or changed, loaded and warm, and the numbers of all that are there.

        One that is broken is told and left out, until its files change. Works on a thread of its own while others
        serve. Raises InkdigitError where the folder cannot be read.
        """
        new: dict[int, Model] = {}
        found: set[int] = set()
        for version, run in _versions(folder):
            state = _state(run)
            found.add(version)
            if not state or self._seen.get(version) == state:  # without a manifest it is still being copied
                continue
            self._seen[version] = state
            try:
                new[version] = self._load(run, version)
            except InkdigitError as error:
                self.say("error", f"Version {version} is refused: {error}")
        return new, found

    def adopt(self, found: set[int], new: dict[int, Model]) -> None:
        """Take up new versions, drop those that are gone, and let the highest answer: between two batches."""
        self._seen = {version: state for version, state in self._seen.items() if version in found}
        kept = {version: model for version, model in self.loaded.items() if version in found} | new
        if not kept:
            return  # whoever removes the last one gets answers all the same
        self.loaded = kept
        before = getattr(self, "current", None)
        self.current = kept[max(kept)]
        if before is not None and self.current is not before:
            self.say("info", f"Version {self.current.version} answers from now on.")

    async def watch(self, folder: Path, changed: Callable[[], object]) -> None:
        """Look at the folder of versions every second, for ever; `changed` hears of each adoption."""
        while True:
            await asyncio.sleep(SECONDS)
            try:
                new, found = await asyncio.to_thread(self.changes, folder)
            except InkdigitError as error:
                self.say("error", f"{error} What was loaded stays.")
                continue
            if new or found != set(self.loaded):
                self.adopt(found, new)
                changed()

    def _load(self, run: Path, version: int) -> Model:
        try:
            recognizer = Recognizer.load(run, threads=self.threads)
            for images in (1, self.warm):
                answers = recognizer.predict_proba(np.zeros((images, 28, 28), np.uint8))
        except InkdigitError:
            raise
        except Exception as error:  # ONNX Runtime raises its own kinds
            raise InkdigitError(f"The model in {run} does not run ({' '.join(str(error).split())}).") from error
        if answers.shape != (self.warm, 10) or not np.isfinite(answers).all():
            raise InkdigitError(f"The model in {run} does not give ten probabilities.")
        started = time.perf_counter()
        recognizer.predict_proba(np.zeros((1, 28, 28), np.uint8))
        return Model(version, recognizer, time.perf_counter() - started < QUICK)


def _versions(folder: Path) -> list[tuple[int, Path]]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise InkdigitError(f"{folder} cannot be read ({error.strerror}): name a folder of versions.") from None
    return sorted((int(entry.name), entry) for entry in entries if VERSION.fullmatch(entry.name))


def _state(run: Path) -> State:
    """Changes when the manifest or the model does; empty while there is no manifest."""
    found: list[tuple[int, int]] = []
    for name in (MANIFEST, ONNX_MODEL):
        try:
            status = (run / name).stat()
        except OSError:  # not there yet, or not any more
            break
        found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)
