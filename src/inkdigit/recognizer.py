"""ONNX Runtime alone: (N, 28, 28) uint8 -> (N, 10) probabilities. Imports no Keras."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.imaging.pixel_scale import check_scale, has_ink
from inkdigit.runs.run import NOT_DIGIT_MODEL, ONNX_MODEL, SHIPPED_RUN, read_distinct_runs, read_verified
from inkdigit.utils.onnx_session import onnx_session

USUAL_DOUBT = 0.01  # about which digit it is; with more doubt, an image is more likely to show no digit
BATCH_SIZE = 256  # images per call of ONNX Runtime: measured fastest on two cores, and bounds the memory


class Recognizer:
    """A trained model, ready to predict, or several whose probabilities are averaged. Any number of threads may use it.

    Args:
        model: the bytes of an ONNX file as `inkdigit.export.onnx` writes it.
        more: those of further models.
        not_digit: those of models that give class 0 to a digit, and the others to what is no digit. They are opened
            when `predict_with_rejection` is first called.
        threads: that a model computes on; 0 means one for each core.
    """

    def __init__(self, model: bytes, *more: bytes, not_digit: Sequence[bytes] = (), threads: int = 0) -> None:
        self._models, self._sessions = (model, *more), _open((model, *more), threads)
        self._not_digit, self._threads = not_digit, threads

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the models: another process opens them again."""
        return partial(Recognizer, not_digit=self._not_digit, threads=self._threads), self._models

    @classmethod
    def load(cls, *paths: str | Path, threads: int = 0) -> Recognizer:
        """Open the models of one or more run folders, after checking each against its folder's manifest.

        Args:
            paths: run folders; none means the model that ships with Inkdigit.
            threads: as for the class.

        Raises:
            InkdigitError: There is no manifest, a model is not the file it names or cannot be opened, or two runs hold
                the same model.
        """
        runs = read_distinct_runs([Path(path) for path in paths] or [SHIPPED_RUN])
        models = {run.folder / ONNX_MODEL: read_verified(run.folder, ONNX_MODEL) for run in runs}
        not_digit = [
            read_verified(run.folder, NOT_DIGIT_MODEL) for run in runs if NOT_DIGIT_MODEL in run.manifest["files"]
        ]
        try:
            return cls(*models.values(), not_digit=not_digit, threads=threads)
        except InkdigitError as error:
            raise InkdigitError(f"{' or '.join(map(str, models))}: {error}", code=error.code) from error

    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Predict ten calibrated probabilities per image.

        Args:
            images: (N, 28, 28) uint8, ink bright on dark (0 = paper), for any N including 0.

        Returns:
            (N, 10) float32.

        Raises:
            InkdigitError: The array is another one.
        """
        check_images(images)
        return _mean_probabilities(self._sessions, images)

    def predict_with_rejection(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Predict the digit of each image, and how likely the image shows no digit at all.

        Without a model for that, which runs of `inkdigit train` do not have, the second is the doubt about the digit:
        1 minus the highest probability. With one, its odds are multiplied by those of the doubt, as of independent
        witnesses: what looks like two digits at once is seldom one. A blank image is surely none.

        Args:
            images: as for `predict_proba`.

        Returns:
            Probabilities (N, 10) float32, and of no digit (N,) float32.
        """
        probabilities = self.predict_proba(images)
        doubt = 1 - probabilities.max(axis=1)
        is_blank = ~has_ink(images)
        if not self._not_digit:
            return probabilities, np.where(is_blank, np.float32(1), doubt)
        not_digit = 1 - _mean_probabilities(self._rejection_sessions, images)[:, 0]
        odds = _odds(not_digit) * _odds(doubt) / _odds(np.float32(USUAL_DOUBT))
        return probabilities, np.where(is_blank, 1, odds / (1 + odds)).astype(np.float32)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Predict the most probable digit of each image, (N,) int64. Takes what `predict_proba` takes."""
        return self.predict_proba(images).argmax(axis=1).astype(np.int64)

    @cached_property
    def _rejection_sessions(self) -> list[Any]:
        return _open(self._not_digit, self._threads)


def _open(models: Sequence[bytes], threads: int) -> list[Any]:
    """A session for each ONNX file. Raises InkdigitError."""
    try:
        return [onnx_session(content, threads=threads) for content in models]
    except InkdigitError:
        raise
    except Exception as error:  # ONNX Runtime's errors have no other base
        reason = " ".join(str(error).split())
        raise InkdigitError(f"ONNX Runtime cannot open the model: {reason}", code="model-unreadable") from error


def _run(session: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    try:
        return session.run(["probabilities"], {"pixels": images})[0]
    except Exception as error:  # as above
        reason = " ".join(str(error).split())
        raise InkdigitError(f"The model does not run on images: {reason}", code="model-broken") from error


def _mean_probabilities(sessions: list[Any], images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean of several models' probabilities, (N, classes) float32."""
    parts = [images[start : start + BATCH_SIZE] for start in range(0, len(images), BATCH_SIZE)] or [images]
    means = [_mean([_run(session, part) for session in sessions]) for part in parts]
    return means[0] if len(means) == 1 else np.concatenate(means)


def _mean(every: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return every[0] if len(every) == 1 else np.mean(every, axis=0)


def _odds(probability: NDArray[np.float32] | np.float32) -> Any:
    kept = np.clip(probability, 1e-6, 1 - 1e-6)
    return kept / (1 - kept)


def check_images(images: Any) -> None:
    """Raise InkdigitError for anything but an array (N, 28, 28) uint8, and for one whose pixels are scaled."""
    wanted = "the recognizer takes a NumPy array of shape (N, 28, 28) and dtype uint8, ink bright on dark"
    if not isinstance(images, np.ndarray):
        raise InkdigitError(f"got a {type(images).__name__}: {wanted}", code="images-invalid")
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        advice = "; add an axis to a single image, images[np.newaxis]" if images.shape == (28, 28) else ""
        raise InkdigitError(
            f"got an array of shape {images.shape} and dtype {images.dtype}: {wanted}{advice}", code="images-invalid"
        )
    check_scale(images, "the images")
