"""The network as a scikit-learn classifier."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.evaluation.calibration import fit_calibration
from inkdigit.imaging.pixel_scale import is_scaled, scaled_sentence
from inkdigit.recognizer import Recognizer
from inkdigit.training.config import Settings, preset, with_values
from inkdigit.utils.extras import require_extra
from inkdigit.utils.progress import Stopwatch

PARAMETERS: dict[str, Any] = {
    "preset": "fast",
    "seed": 0,
    "verbose": False,
    **{f.name: None for f in fields(Settings) if f.name not in {"preset", "seed"}},
}


class InputError(InkdigitError, ValueError):
    """Data that are not digits. scikit-learn expects a ValueError for them."""


class DigitClassifier(ClassifierMixin, BaseEstimator):
    """Inkdigit's network for scikit-learn: for `cross_val_score`, `GridSearchCV` and pipelines; it can be pickled.

    X is (N, 28, 28), (N, 28, 28, 1) or (N, 784), ink bright on dark (0 = paper, 255 = ink), of any dtype that holds
    whole numbers from 0 to 255; y is (N,) digits from 0 to 9, as numbers or as text, all ten or fewer of them. `fit`
    holds out some rows for the calibration, as `inkdigit train` does.

    Args:
        preset: the settings to start from.
        seed: starts every random choice.
        verbose: whether to print a line for each epoch.
        parameters: every other setting of the training, as `inkdigit train --print-config` lists them; None means the
            preset's value.

    Attributes:
        classes_: the digits in y, sorted, of y's dtype.
        n_features_in_: 784.
        onnx_: the model as bytes, for any ONNX runtime.
        history_: the figures of each epoch.

    >>> DigitClassifier(epochs=3, filters=[[32, 32], [64, 64]], dropout=0.4).fit(X, y).predict_proba(X)
    """

    preset: str
    verbose: bool

    def __init__(self, **parameters: Any) -> None:
        unknown = parameters.keys() - PARAMETERS
        if unknown:
            raise TypeError(f"DigitClassifier has no parameter {min(unknown)!r}: choose from {', '.join(PARAMETERS)}.")
        for name, default in PARAMETERS.items():
            setattr(self, name, parameters.get(name, default))

    # scikit-learn reads the parameters' names and defaults here.
    __init__.__signature__ = Signature(  # pyright: ignore[reportFunctionMemberAccess]
        [
            Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
            *(Parameter(name, Parameter.KEYWORD_ONLY, default=default) for name, default in PARAMETERS.items()),
        ]
    )

    def fit(self, X: ArrayLike, y: ArrayLike) -> DigitClassifier:  # noqa: N803 -- scikit-learn's name
        """Train on X (N, 28, 28) or (N, 784) and y (N,), N at least 100. Raises InkdigitError for anything else."""
        images = _images(X)
        rows = Dataset(images, _labels(y, len(images)), "X")
        classes = np.unique(np.asarray(y))
        settings = self._settings()
        if settings.members > 1:
            raise InkdigitError(
                "DigitClassifier trains one network: leave members at 1, and the preset record out.",
                code="option-conflict",
            )
        from inkdigit.training import backend
        from inkdigit.training.job import divide_rows

        require_extra("train", "DigitClassifier")
        rows, train, validation = divide_rows(rows, settings)
        backend.prepare()
        from inkdigit.export.onnx import PARITY_IMAGES, export_onnx
        from inkdigit.training import model
        from inkdigit.training.fitter import REFIT, fitter
        from inkdigit.training.progress import TrainingProgress, no_progress
        from inkdigit.training.trainer import predict

        show = TrainingProgress if self.verbose else no_progress
        watch = Stopwatch() if self.verbose else Stopwatch(show=lambda _: None)
        train_network = fitter(settings, model.build, watch, make_progress=show)
        network, history = train_network(train, validation)
        self.history_ = [asdict(epoch) for epoch in history]  # an Epoch would bring Keras along when unpickled
        probabilities = predict(network, validation.images, tta=settings.tta)
        calibration = fit_calibration(probabilities, validation.required_labels, settings.label_smoothing)
        if settings.refit:
            network, _ = train_network(rows, None, stage=REFIT)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            export_onnx(network, path, images[:PARITY_IMAGES], calibration, tta=settings.tta)
            self.onnx_ = path.read_bytes()
        self.classes_ = classes
        self.n_features_in_ = 28 * 28
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        """Calibrated probabilities of each of `classes_` per image, (N, classes) float32. Takes X as `fit` does."""
        check_is_fitted(self)
        found = Recognizer(self.onnx_).predict_proba(_images(X))[:, _labels(self.classes_, len(self.classes_))]
        return found / found.sum(axis=1, keepdims=True) if len(self.classes_) < 10 else found

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """The most probable of `classes_` for each image, (N,). Takes X as `fit` does."""
        best = self.predict_proba(X).argmax(axis=1)  # first, since it checks that there are classes
        return self.classes_[best]

    def _settings(self) -> Settings:
        given = {name: _plain(value) for name, value in self.get_params().items() if value is not None}
        settings_given = {name: value for name, value in given.items() if name not in {"preset", "verbose"}}
        return with_values(preset(self.preset), settings_given, "DigitClassifier")


def _images(X: ArrayLike) -> NDArray[np.uint8]:  # noqa: N803
    """Convert X to images (N, 28, 28) uint8. Raises InputError for anything that is not digits."""
    if hasattr(X, "toarray"):
        raise InputError("X is sparse, and sparse input is not supported: pass X.toarray().", code="images-invalid")
    pixels = np.asarray(X)
    if pixels.shape[1:] not in {(28, 28), (28 * 28,), (28, 28, 1)}:
        single = ", and a single one as X[np.newaxis]" if pixels.shape in {(28, 28), (28 * 28,)} else ""
        raise InputError(
            f"X has shape {pixels.shape}: pass images as (N, 28, 28) or (N, 784){single}.", code="images-invalid"
        )
    if not len(pixels):
        raise InputError(f"X has shape {pixels.shape}: pass at least one image.", code="images-invalid")
    if pixels.dtype.kind not in "iuf":
        raise InputError(f"X has dtype {pixels.dtype}: pass numbers, whole ones from 0 to 255.", code="images-invalid")
    if pixels.min() >= 0 and is_scaled(pixels):
        raise InputError(scaled_sentence("X"), code="images-scaled")
    if pixels.dtype == np.uint8:
        return pixels.reshape(-1, 28, 28)
    with np.errstate(invalid="ignore"):  # NaN and infinity become some number, and differ from it
        whole = pixels.astype(np.uint8)
    wrong = pixels[whole != pixels]
    if len(wrong):
        raise InputError(f"X holds {wrong[0]}: pass whole numbers from 0 (paper) to 255 (ink).", code="images-invalid")
    return whole.reshape(-1, 28, 28)


def _labels(y: ArrayLike, rows: int) -> NDArray[np.int64]:
    labels = np.asarray(y)
    if labels.shape != (rows,):
        raise InputError(
            f"y has shape {labels.shape}: pass one label for each of the {rows} images, ({rows},).",
            code="labels-invalid",
        )
    numbers = labels
    if labels.dtype.kind in "OSU":  # as fetch_openml has them
        numbers = np.array([float(label) if str(label).isdecimal() else np.nan for label in labels.tolist()])
    digits = np.isin(numbers, np.arange(10)) & (numbers.dtype.kind in "iuf")
    if not digits.all():
        wrong = labels[~digits].tolist()[0]
        raise InputError(f"y holds {wrong!r}: pass the digits 0 to 9, as numbers or as text.", code="labels-invalid")
    return numbers.astype(np.int64)


def _plain(value: Any) -> Any:
    """A value as TOML has it: lists and Python's own numbers."""
    if isinstance(value, tuple | list | np.ndarray):
        return [_plain(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    return value.item() if isinstance(value, np.generic) else value
