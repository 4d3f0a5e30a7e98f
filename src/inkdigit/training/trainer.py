"""Settings and images in, a fitted Keras model out."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.export.model_summary import flat_layers
from inkdigit.export.tta import shifted_copies
from inkdigit.training import backend
from inkdigit.training.augment.geometric import augment
from inkdigit.training.batch_norm import fuse
from inkdigit.training.config import Settings
from inkdigit.training.optimizers import build_optimizer
from inkdigit.utils.files import atomic

Weights = list[NDArray[np.float32]]
Teacher = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # images (N, 28, 28) -> probabilities (N, 10)
Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]
Loss = Callable[[NDArray[np.float32], NDArray[np.int64]], float]  # probabilities (N, 10), labels (N,)

EMA_INTERVAL = 8  # steps between two updates of the averaged weights: as good as every step, at an eighth of the cost
BATCH_NORM_BATCHES = 16
DISTILL_WEIGHT = 0.9  # of what is learnt is a teacher's answer, the rest the label
DISTILL_TEMPERATURE = 2.0  # the temperature of that answer
PREDICT_AT_ONCE = 500


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training rows showed. The validation figures are the averaged weights'."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float


def log_loss(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Mean of -ln p(label), in nats."""
    likelihood = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(likelihood, 1e-7)).mean())


class Progress(Protocol):
    """Who wants to know how far the training is."""

    def resume(self, history: list[Epoch]) -> None:
        """These epochs were done earlier."""
        ...

    def step(self) -> None:
        """One batch is done."""
        ...

    def epoch(self, epoch: Epoch) -> None:
        """One epoch is done."""
        ...


def fit(
    build: Callable[[Settings], keras.Model],
    train: Dataset,
    validation: Dataset | None,
    settings: Settings,
    progress: Progress,
    checkpoint: Path | None = None,
    teacher: Teacher | None = None,
    val_loss: Loss = log_loss,
) -> tuple[keras.Model, list[Epoch]]:
    """Train a fresh model on `train` and return it in float32, with the curve. `validation` is only looked at.

    teacher: its answers to the training images, as they are augmented, are what is learnt, beside the labels.
    val_loss: what the curve tells of the validation rows.

    After every epoch all that the next one needs is written to `checkpoint`; where that file is there already, the
    training goes on from it. Ctrl-C ends the training after the batch at work, as KeyboardInterrupt. Raises
    InkdigitError where the loss overflows.
    """
    trainer = Trainer(build, train, settings, teacher)
    history: list[Epoch] = []
    if checkpoint and checkpoint.is_file():
        history = trainer.restore(checkpoint)
        progress.resume(history)
    with interruptible() as interrupted:
        for epoch in range(len(history), settings.epochs):
            started = time.perf_counter()
            sums = np.zeros(2)
            for step, batch in enumerate(trainer.batches(epoch), start=epoch * trainer.steps):
                sums += trainer.step(step, *batch)
                progress.step()
                if interrupted():
                    raise KeyboardInterrupt
            loss, accuracy = (sums / trainer.steps).tolist()
            if not math.isfinite(loss):
                raise InkdigitError(
                    f"The loss of epoch {epoch + 1} is {loss}, and nothing is learnt from there on: train with a "
                    "smaller learning_rate, or look for what overflows in your own network."
                )
            val = trainer.score(validation, val_loss) if validation else (None, None)
            rate = float(trainer.model.optimizer.learning_rate)
            history.append(Epoch(epoch + 1, loss, accuracy, *val, rate, time.perf_counter() - started))
            if checkpoint:
                trainer.save(checkpoint, history)
            progress.epoch(history[-1])
    return trainer.result(), history


@contextmanager
def interruptible() -> Generator[Callable[[], bool]]:
    """Inside, Ctrl-C is only noted, so that no step is cut in two; yields a function that says whether it came.

    The second Ctrl-C works as ever.
    """
    came = False

    def note(*_: object) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, earlier)

    if threading.current_thread() is not threading.main_thread():  # only the main thread hears of signals
        yield lambda: False
        return
    earlier = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, earlier)


class Trainer:
    """A model on its way: batches to feed it, steps to take, and the average of its weights so far."""

    def __init__(
        self,
        build: Callable[[Settings], keras.Model],
        train: Dataset,
        settings: Settings,
        teacher: Teacher | None = None,
    ):
        self.build, self.train, self.settings, self.teacher = build, train, settings, teacher
        self.model = compile_model(build, settings)
        self.steps = steps_per_epoch(len(train), settings)
        self.total = settings.epochs * self.steps
        self.average = WeightEMA(math.exp(-1 / (settings.averaging * self.total)) if settings.averaging else 0)
        cv2.setNumThreads(1)  # the network's threads need the cores more

    def batches(self, epoch: int) -> Iterator[Batch]:
        """An epoch's batches; a thread prepares the next one while the network works on this one."""
        source = ((images, self._targets(images, truth)) for images, truth in self._batches(epoch))
        with ThreadPoolExecutor(1) as ahead:
            upcoming = ahead.submit(next, source, None)
            while batch := upcoming.result():
                upcoming = ahead.submit(next, source, None)
                yield batch

    def step(self, step: int, images: NDArray[np.uint8], targets: NDArray[np.float32]) -> list[float]:
        """One step of the optimizer; loss and accuracy on this batch."""
        self.model.optimizer.learning_rate = learning_rate(step, self.total, self.settings)
        figures = self.model.train_on_batch(images, targets)
        if step % EMA_INTERVAL == 0 or step + 1 == self.total:
            self.average.update(self.model, step)
        return [float(figure) for figure in figures]

    def score(self, validation: Dataset, loss: Loss = log_loss) -> tuple[float, float]:
        """Loss and accuracy of the averaged weights on validation rows."""
        with self.average.applied(self.model):
            self._settle(share=0.25)  # close enough for the curve
            probabilities = predict(self.model, validation.images)
        return loss(probabilities, validation.truth), float((probabilities.argmax(1) == validation.truth).mean())

    def save(self, checkpoint: Path, history: list[Epoch]) -> None:
        """Write all that the next epoch needs: variables of model and optimizer, averaged weights, the curve."""
        variables = {"model": self.model.variables, "optimizer": self.model.optimizer.variables}
        arrays: dict[str, Any] = {f"average/{i}": weight for i, weight in enumerate(self.average.weights)}
        for kind, listed in variables.items():
            arrays |= {f"{kind}/{i}": keras.ops.convert_to_numpy(variable) for i, variable in enumerate(listed)}
        arrays["history"] = np.array(json.dumps([dataclasses.asdict(epoch) for epoch in history]))
        with atomic(checkpoint) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def restore(self, checkpoint: Path) -> list[Epoch]:
        """Take up what `save` wrote, and return the curve. Raises InkdigitError where the file does not fit."""
        self.model.optimizer.build(self.model.trainable_variables)
        try:
            with np.load(checkpoint, allow_pickle=False) as arrays:
                for kind, variables in (("model", self.model.variables), ("optimizer", self.model.optimizer.variables)):
                    for i, variable in enumerate(variables):
                        variable.assign(arrays[f"{kind}/{i}"])
                averaged = sum(name.startswith("average/") for name in arrays.files)
                self.average.weights = [arrays[f"average/{i}"] for i in range(averaged)]
                return [Epoch(**epoch) for epoch in json.loads(str(arrays["history"]))]
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile):
            raise InkdigitError(
                f"{checkpoint} does not fit this training, or is damaged: remove its folder and train again."
            ) from None

    def result(self) -> keras.Model:
        """The model to keep: the averaged weights in a fresh model in float32, whatever it was trained in."""
        backend.forget()
        plain = self.build(self.settings)
        with self.average.applied(self.model):
            self._settle()
            plain.set_weights(self.model.get_weights())
        return plain

    def _settle(self, share: float = 1) -> None:
        """Measure the batch-norm statistics afresh for the weights at hand (Izmailov et al., 2018).

        A running mean lags behind, and after a few hundred steps it still remembers that it began at nothing.
        """
        norms = [layer for layer in flat_layers(self.model) if isinstance(layer, keras.layers.BatchNormalization)]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        for seen, (images, _) in zip(range(BATCH_NORM_BATCHES), self._batches(self.settings.epochs), strict=False):
            for norm in norms:
                norm.momentum = seen / (seen + 1)  # the plain mean of all batches so far
            self.model(images[: max(int(share * len(images)), 1)], training=True)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def _targets(self, images: NDArray[np.uint8], truth: NDArray[np.integer]) -> NDArray[np.float32]:
        """What the network should answer, (N, 10).

        With a teacher mostly its answers, softened, which tell what a digit might also be: Hinton, Vinyals, Dean,
        "Distilling the knowledge in a neural network", 2015.
        """
        labels = np.eye(10, dtype=np.float32)[truth]
        if self.teacher is None:
            smoothing = self.settings.label_smoothing
            return (1 - smoothing) * labels + np.float32(smoothing / 10)
        soft = np.maximum(self.teacher(images), 1e-7) ** (1 / DISTILL_TEMPERATURE)
        return (1 - DISTILL_WEIGHT) * labels + DISTILL_WEIGHT * soft / soft.sum(1, keepdims=True)

    def _batches(self, epoch: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.integer]]]:
        """Shuffling and augmentation are drawn from (seed, epoch) and nothing else."""
        rng = np.random.default_rng((self.settings.seed, epoch))
        order = rng.permutation(len(self.train))[: self.steps * self.settings.batch_size]
        for rows in np.array_split(order, self.steps):
            images, truth = self.train.images[rows], self.train.truth[rows]
            changed = augment(images, truth, self.settings, rng) if self.settings.augmented else images
            yield changed, truth


class WeightEMA:
    """The running average of all of a model's weights, batch-norm statistics included (Polyak and Juditsky, 1992)."""

    def __init__(self, decay: float):
        self.decay = decay
        self.weights: Weights = []

    def update(self, model: keras.Model, step: int) -> None:
        """Take in the model's weights at this step. Early on the memory is short: random weights must not linger."""
        if not self.decay:
            return
        now = model.get_weights()
        decay = min(self.decay, step / (step + 50)) ** EMA_INTERVAL
        self.weights = [decay * old + (1 - decay) * new for old, new in zip(self.weights or now, now, strict=True)]

    @contextmanager
    def applied(self, model: keras.Model) -> Generator[None]:
        """Inside, the model has the averaged weights."""
        kept = model.get_weights()
        model.set_weights(self.weights or kept)
        yield
        model.set_weights(kept)


def learning_rate(step: int, steps: int, settings: Settings) -> float:
    """The rate at a step: constant, or one cycle (Smith, 2018): a linear rise, then half a cosine to nearly nothing."""
    if settings.schedule == "constant":
        return settings.learning_rate
    rise = settings.warm_up * steps
    if step < rise:
        return settings.learning_rate * (step + 1) / rise
    return settings.learning_rate * (0.5 + 0.5 * math.cos(math.pi * (step - rise) / (steps - rise)) + 1e-3)


def steps_per_epoch(rows: int, settings: Settings) -> int:
    """Batches in an epoch. The odd rows at the end are left to another epoch's shuffle."""
    return max(rows // settings.batch_size, 1)


def predict(model: keras.Model, images: NDArray[np.uint8], *, tta: bool = False) -> NDArray[np.float32]:
    """Uncalibrated probabilities (N, 10) float32 of images (N, 28, 28) uint8, by Keras. tta: the mean of five views."""
    if tta:
        return np.mean([predict(model, view) for view in shifted_copies(images)], axis=0)
    parts = [
        np.asarray(model.predict_on_batch(images[i : i + PREDICT_AT_ONCE]), np.float32)
        for i in range(0, len(images), PREDICT_AT_ONCE)
    ]
    return np.concatenate(parts)


def compile_model(build: Callable[[Settings], keras.Model], settings: Settings) -> keras.Model:
    """A fresh model in the settings' precision, ready for its first step."""
    keras.config.set_dtype_policy(backend.precision(settings.precision))
    try:
        model = build(settings)
    finally:
        keras.config.set_dtype_policy("float32")
    if keras.backend.backend() == "tensorflow":
        fuse(model)
    model.compile(
        build_optimizer(settings),
        "categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=backend.jit_compile(),
    )
    return model
