"""The models that are served: one run, or a folder of versions that are loaded and dropped while serving."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from inkdigit.errors import InkdigitError
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import MANIFEST, ONNX_MODEL

NAME = "digits"
INLINE_SECONDS = 0.002  # a digit read sooner than this is read in the event loop: a thread would take longer
POLL_SECONDS = 1.0  # between two looks at a folder of versions

VERSION = re.compile(r"[1-9][0-9]{0,17}")

Result = TypeVar("Result")
FileState = tuple[tuple[int, int], ...]  # modification time in ns and size of each file
Log = Callable[[str, str], object]  # is given a level and a sentence


@dataclass(frozen=True)
class Model:
    """A version that is loaded and warm.

    Attributes:
        version: its number.
        recognizer: predicts.
        is_fast: whether one digit takes less time in the event loop than a thread would need to take it over.
    """

    version: int
    recognizer: Recognizer
    is_fast: bool


class Models:
    """The loaded versions. The highest of them answers.

    Attributes:
        loaded: models by their version.
    """

    def __init__(self, threads: int, max_batch: int, log: Log) -> None:
        """Load nothing yet.

        Args:
            threads: that each model works on.
            max_batch: images in a batch at most: models are warmed up with as many.
            log: called with a level and a sentence.
        """
        self.loaded: dict[int, Model] = {}
        self._threads, self._max_batch, self._log = threads, max_batch, log
        self._seen: dict[int, FileState] = {}  # the files of each version when it was loaded or refused

    @property
    def current(self) -> Model:
        """The model that answers where no version is asked for."""
        return self.loaded[max(self.loaded)]

    def load_one(self, run: Path) -> None:
        """Serve a single run as version 1. Raises InkdigitError."""
        self.loaded = {1: self._load(run, 1)}

    def load_folder(self, folder: Path) -> None:
        """Serve the versions in a folder. Raises InkdigitError if none of them works."""
        changes, found = self.load_changes(folder)
        self.adopt(found, changes)
        if not self.loaded:
            raise InkdigitError(
                f"{folder} holds no model to serve: put run folders named 1, 2, … there, as `inkdigit train --out "
                f"{folder / '1'}` writes them.",
                code="version-not-found",
            )

    def find(self, version: str) -> Model | None:
        """The loaded model of a version as an address names it, or None."""
        return self.loaded.get(int(version)) if VERSION.fullmatch(version) else None

    def load_changes(self, folder: Path) -> tuple[dict[int, Model], set[int]]:
        """Load and warm up the versions that are new or changed; `adopt` then takes them over.

        A broken one is logged and left out until its files change. May run on a thread while others serve.

        Returns:
            The new models by version, and the numbers of all versions in the folder.

        Raises:
            InkdigitError: the folder cannot be read.
        """
        new: dict[int, Model] = {}
        found: set[int] = set()
        for version, run in _versions(folder):
            state = _file_state(run)
            found.add(version)
            if not state or self._seen.get(version) == state:  # without a manifest it is still being copied
                continue
            self._seen[version] = state
            try:
                new[version] = self._load(run, version)
            except InkdigitError as error:
                self._log("error", f"Version {version} is refused: {error}")
        return new, found

    def adopt(self, found: set[int], new: dict[int, Model]) -> None:
        """Add new versions and drop those that are not in the folder any more. Call it between two batches.

        The last one stays when all are removed from the folder.
        """
        self._seen = {version: state for version, state in self._seen.items() if version in found}
        kept = {version: model for version, model in self.loaded.items() if version in found} | new
        if not kept:
            return
        before = self.current if self.loaded else None
        self.loaded = kept
        if before and self.current is not before:
            self._log("info", f"Version {self.current.version} answers from now on.")

    async def watch(self, folder: Path, on_change: Callable[[], object]) -> None:
        """Look at the folder of versions every second, for ever, and call `on_change` after each adoption."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                new, found = await _in_thread(lambda: self.load_changes(folder))
            except InkdigitError as error:
                self._log("error", f"{error} The loaded versions stay.")
                continue
            if new or found != set(self.loaded):
                self.adopt(found, new)
                on_change()

    def _load(self, run: Path, version: int) -> Model:
        recognizer = Recognizer.load(run, threads=self._threads)
        try:
            for images in (1, self._max_batch):
                answers = recognizer.predict_proba(np.zeros((images, 28, 28), np.uint8))
        except InkdigitError as error:
            raise InkdigitError(f"The model in {run} cannot be served: {error}", code=error.code) from error
        if answers.shape != (self._max_batch, 10) or not np.isfinite(answers).all():
            raise InkdigitError(f"The model in {run} does not give ten probabilities.", code="model-output-invalid")
        started = time.perf_counter()
        recognizer.predict_proba(np.zeros((1, 28, 28), np.uint8))
        return Model(version, recognizer, time.perf_counter() - started < INLINE_SECONDS)


async def _in_thread(work: Callable[[], Result]) -> Result:
    """As asyncio.to_thread, in a thread that the process does not wait for at its end: a file system may hang."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def finish(set_outcome: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the event loop has ended
            loop.call_soon_threadsafe(lambda: done.cancelled() or set_outcome())

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 -- who waits gets it
            failure = error
            finish(lambda: done.set_exception(failure))
        else:
            finish(lambda: done.set_result(result))

    threading.Thread(target=run, daemon=True).start()
    return await done


def _versions(folder: Path) -> list[tuple[int, Path]]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise InkdigitError(
            f"{folder} cannot be read ({error.strerror}): name a folder of versions.", code="folder-unreadable"
        ) from None
    return sorted((int(entry.name), entry) for entry in entries if VERSION.fullmatch(entry.name))


def _file_state(run: Path) -> FileState:
    """Changes when the manifest or the model does; empty while there is no manifest."""
    found: list[tuple[int, int]] = []
    for name in (MANIFEST, ONNX_MODEL):
        try:
            status = (run / name).stat()
        except OSError:  # not copied yet, or just removed
            break
        found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)
