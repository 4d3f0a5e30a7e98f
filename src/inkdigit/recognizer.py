"""ONNX Runtime alone: (N, 28, 28) uint8 -> (N, 10) probabilities. Imports no Keras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.runs.run import NOT_DIGIT_MODEL, ONNX_MODEL, SHIPPED_RUN, Run, read_distinct_runs, read_verified
from inkdigit.utils.onnx_session import onnx_session

USUAL_DOUBT = 0.01  # about the digit: more speaks for its being none
BATCH = 256  # images per call of ONNX Runtime: measured fastest on two cores, and bounds the memory


class Recognizer:
    """A trained model, ready to predict, or several whose probabilities are averaged. Serves any number of threads.

    model, more: the bytes of ONNX files as `inkdigit.export.onnx` writes them. not_digit: those of models with two
    classes, 0 for a digit and 1 for no digit. threads: that a model works on; 0: one for each core.
    """

    def __init__(self, model: bytes, *more: bytes, not_digit: Sequence[bytes] = (), threads: int = 0) -> None:
        self._sessions, self._not_digit = (
            [onnx_session(content, threads=threads) for content in contents] for contents in ((model, *more), not_digit)
        )

    @classmethod
    def load(cls, *paths: str | Path, threads: int = 0) -> Recognizer:
        """Open the models of one or more run folders, after checking each against its folder's manifest.

        Without a path it is the model that ships with Inkdigit. Raises InkdigitError when there is no manifest, when
        a model is not the file it names or cannot be opened, or when two runs hold the same model.
        """
        runs = read_distinct_runs([Path(path) for path in paths] or [SHIPPED_RUN])
        models, not_digit = (
            _read(runs, ONNX_MODEL),
            _read([run for run in runs if NOT_DIGIT_MODEL in run.manifest["files"]], NOT_DIGIT_MODEL),
        )
        try:
            return cls(*models.values(), not_digit=[*not_digit.values()], threads=threads)
        except Exception as error:  # ONNX Runtime's errors have no other base
            names, reason = " or ".join(map(str, models | not_digit)), " ".join(str(error).split())
            raise InkdigitError(f"{names} is no model that ONNX Runtime opens: {reason}") from error

    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Ten calibrated probabilities per image, (N, 10) float32, for any N including 0.

        images: (N, 28, 28) uint8, ink bright on dark (0 = paper). Raises InkdigitError for any other array.
        """
        check_images(images)
        return _mean(self._sessions, images)

    def predict_with_rejection(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What `predict_proba` gives, and how likely each image shows no digit at all, (N,) float32 from 0 to 1.

        Where no run has a model for that, which those of `inkdigit train` have not, it is the doubt about the digit:
        1 less the highest probability. Where one has, the odds it gives are multiplied by those of the doubt, as of
        witnesses who do not know each other: what looks like two digits at once is seldom one.
        """
        probabilities = self.predict_proba(images)
        doubt = 1 - probabilities.max(axis=1)
        if not self._not_digit:
            return probabilities, doubt
        odds = _odds(1 - _mean(self._not_digit, images)[:, 0]) * _odds(doubt) / _odds(np.float32(USUAL_DOUBT))
        return probabilities, (odds / (1 + odds)).astype(np.float32)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The most probable digit of each image, (N,) int64. Takes what `predict_proba` takes."""
        return self.predict_proba(images).argmax(axis=1).astype(np.int64)


def _read(runs: list[Run], name: str) -> dict[Path, bytes]:
    return {run.folder / name: read_verified(run.folder, name) for run in runs}


def _mean(sessions: list[Any], images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean of what several models say, (N, 10) float32."""
    if 0 < len(images) <= BATCH:
        answers = [session.run(["probabilities"], {"pixels": images})[0] for session in sessions]
        return answers[0] if len(answers) == 1 else np.mean(answers, axis=0)
    probabilities = np.empty((len(images), 10), np.float32)
    for start in range(0, len(images), BATCH):
        batch = slice(start, start + BATCH)
        probabilities[batch] = _mean(sessions, images[batch])
    return probabilities


def _odds(share: NDArray[np.float32] | np.float32) -> Any:
    kept = np.clip(share, 1e-6, 1 - 1e-6)
    return kept / (1 - kept)


def check_images(images: Any) -> None:
    """InkdigitError for what is no (N, 28, 28) uint8."""
    wanted = "the recognizer wants a NumPy array of shape (N, 28, 28) and dtype uint8, ink bright on dark"
    if not isinstance(images, np.ndarray):
        raise InkdigitError(f"got a {type(images).__name__}: {wanted}")
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        advice = "; add an axis to a single image, images[np.newaxis]" if images.shape == (28, 28) else ""
        raise InkdigitError(f"got an array of shape {images.shape} and dtype {images.dtype}: {wanted}{advice}")
