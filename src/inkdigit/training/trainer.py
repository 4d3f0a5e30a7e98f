"""Settings and images in, a trained Keras model out."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
from inkdigit.training.batch_norm import fuse_batch_norm
from inkdigit.training.checkpoint import restore_checkpoint, save_checkpoint
from inkdigit.training.config import Settings
from inkdigit.training.ema import EMA_INTERVAL, WeightEMA
from inkdigit.training.interrupt import interruptible
from inkdigit.training.optimizers import build_optimizer
from inkdigit.training.progress import Epoch, Progress
from inkdigit.training.schedule import learning_rate, steps_per_epoch

Teacher = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # images (N, 28, 28) -> probabilities (N, 10)
Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]  # images (N, 28, 28), targets (N, 10)
Loss = Callable[[NDArray[np.float32], NDArray[np.int64]], float]  # probabilities (N, 10), labels (N,)

BATCH_NORM_BATCHES = 16  # from which the final batch-norm statistics are measured
CURVE_SHARE = 0.25  # of each of these batches is enough for the curve
DISTILL_WEIGHT = 0.9  # of the target is the teacher's prediction, the rest the label
DISTILL_TEMPERATURE = 2.0  # softens that prediction
PREDICT_BATCH = 500  # images


def log_loss(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Mean of -ln p(label), in nats."""
    likelihood = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(likelihood, 1e-7)).mean())


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
    """Train a fresh model. Ctrl-C ends the training after the present batch, as KeyboardInterrupt.

    Args:
        build: makes the model.
        train: the rows to train on.
        validation: rows for the curve; nothing else depends on them.
        settings: of the training.
        progress: is notified.
        checkpoint: a file that keeps, after every epoch, all that the next one needs; where it exists already, the
            training continues from it.
        teacher: its predictions for the training images, as augmented, are learned beside the labels.
        val_loss: the loss that the curve shows for the validation rows.

    Returns:
        The model in float32, and the curve.

    Raises:
        InkdigitError: The loss overflows, or the checkpoint is damaged.
    """
    trainer = Trainer(build, train, settings, teacher)
    history: list[Epoch] = []
    if checkpoint and checkpoint.is_file():
        history = [Epoch(**epoch) for epoch in restore_checkpoint(checkpoint, trainer.model, trainer.ema)]
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
                raise _overflow(epoch, loss)
            val = trainer.score(validation, val_loss) if validation else (None, None)
            rate = float(trainer.model.optimizer.learning_rate)
            history.append(Epoch(epoch + 1, loss, accuracy, *val, rate, time.perf_counter() - started))
            if checkpoint:
                curve = [dataclasses.asdict(done) for done in history]
                save_checkpoint(checkpoint, trainer.model, trainer.ema, curve)
            progress.epoch(history[-1])
    return trainer.result(), history


def _overflow(epoch: int, loss: float) -> InkdigitError:
    return InkdigitError(
        f"The loss of epoch {epoch + 1} is {loss}, and the training cannot recover: train with a smaller "
        "learning_rate, or look for an overflow in your own network.",
        code="loss-overflow",
    )


class Trainer:
    """Owns model, optimizer and EMA of one training run.

    Attributes:
        model: compiled; its optimizer is `model.optimizer`.
        ema: the average of its weights.
        steps: in an epoch.
        total: steps in all epochs.
    """

    def __init__(
        self,
        build: Callable[[Settings], keras.Model],
        train: Dataset,
        settings: Settings,
        teacher: Teacher | None = None,
    ):
        self._build, self._train, self._settings, self._teacher = build, train, settings, teacher
        self.model = compile_model(build, settings)
        self.steps = steps_per_epoch(len(train), settings)
        self.total = settings.epochs * self.steps
        self.ema = WeightEMA(math.exp(-1 / (settings.averaging * self.total)) if settings.averaging else 0)
        cv2.setNumThreads(1)  # the network's threads need the cores more

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield an epoch's batches; a thread prepares the next one while the network works on this one."""
        source = ((images, self._targets(images, labels)) for images, labels in self._augmented_batches(epoch))
        with ThreadPoolExecutor(1) as ahead:
            upcoming = ahead.submit(next, source, None)
            while batch := upcoming.result():
                upcoming = ahead.submit(next, source, None)
                yield batch

    def step(self, step: int, images: NDArray[np.uint8], targets: NDArray[np.float32]) -> list[float]:
        """Take one step of the optimizer. Returns loss and accuracy on this batch."""
        self.model.optimizer.learning_rate = learning_rate(step, self.total, self._settings)
        figures = self.model.train_on_batch(images, targets)
        if step % EMA_INTERVAL == 0 or step + 1 == self.total:
            self.ema.update(self.model, step)
        return [float(figure) for figure in figures]

    def score(self, validation: Dataset, loss: Loss = log_loss) -> tuple[float, float]:
        """Loss and accuracy of the averaged weights on validation rows."""
        with self.ema.applied(self.model):
            self._recalibrate_batch_norm(CURVE_SHARE)
            probabilities = predict(self.model, validation.images)
        return loss(probabilities, validation.required_labels), float(
            (probabilities.argmax(1) == validation.required_labels).mean()
        )

    def result(self) -> keras.Model:
        """The model to keep: the averaged weights in a fresh model in float32, whatever it was trained in."""
        backend.clear_session()
        plain = self._build(self._settings)
        with self.ema.applied(self.model):
            self._recalibrate_batch_norm()
            plain.set_weights(self.model.get_weights())
        return plain

    def _recalibrate_batch_norm(self, share: float = 1) -> None:
        """Measure the batch-norm statistics again for the present weights (Izmailov et al., 2018).

        The running mean is late, and after a few hundred steps it is still biased by its initial value.

        share: of each batch that is used.
        """
        norms = [layer for layer in flat_layers(self.model) if isinstance(layer, keras.layers.BatchNormalization)]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        batches = self._augmented_batches(self._settings.epochs)
        for seen, (images, _) in zip(range(BATCH_NORM_BATCHES), batches, strict=False):
            for norm in norms:
                norm.momentum = seen / (seen + 1)  # the plain mean of all batches so far
            self.model(images[: max(int(share * len(images)), 1)], training=True)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def _targets(self, images: NDArray[np.uint8], labels: NDArray[np.integer]) -> NDArray[np.float32]:
        """The probabilities that the network should give, (N, 10).

        With a teacher they are mostly its softened predictions, which say what a digit might also be: Hinton, Vinyals,
        Dean, "Distilling the knowledge in a neural network", 2015.
        """
        one_hot = np.eye(10, dtype=np.float32)[labels]
        if self._teacher is None:
            smoothing = self._settings.label_smoothing
            return (1 - smoothing) * one_hot + np.float32(smoothing / 10)
        soft = np.maximum(self._teacher(images), 1e-7) ** (1 / DISTILL_TEMPERATURE)
        return (1 - DISTILL_WEIGHT) * one_hot + DISTILL_WEIGHT * soft / soft.sum(1, keepdims=True)

    def _augmented_batches(self, epoch: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.integer]]]:
        """Yield images and labels; shuffling and augmentation are drawn from (seed, epoch) and nothing else."""
        rng = np.random.default_rng((self._settings.seed, epoch))
        order = rng.permutation(len(self._train))[: self.steps * self._settings.batch_size]
        for rows in np.array_split(order, self.steps):
            images, labels = self._train.images[rows], self._train.required_labels[rows]
            changed = augment(images, labels, self._settings, rng) if self._settings.augmented else images
            yield changed, labels


def predict(model: keras.Model, images: NDArray[np.uint8], *, tta: bool = False) -> NDArray[np.float32]:
    """Predict with Keras.

    Args:
        model: as `build` makes it.
        images: (N, 28, 28) uint8.
        tta: whether to take the mean over five shifted copies of each image.

    Returns:
        Uncalibrated probabilities (N, 10) float32.
    """
    if tta:
        return np.mean([predict(model, copy) for copy in shifted_copies(images)], axis=0)
    parts = [
        np.asarray(model.predict_on_batch(images[i : i + PREDICT_BATCH]), np.float32)
        for i in range(0, len(images), PREDICT_BATCH)
    ]
    return np.concatenate(parts)


def compile_model(build: Callable[[Settings], keras.Model], settings: Settings) -> keras.Model:
    """Build a model in the settings' precision and compile it, ready for its first step."""
    keras.config.set_dtype_policy(backend.dtype_policy(settings.precision))
    try:
        model = build(settings)
    finally:
        keras.config.set_dtype_policy("float32")
    if keras.backend.backend() == "tensorflow":
        fuse_batch_norm(model)
    model.compile(
        build_optimizer(settings),
        "categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=backend.jit_compile(),
    )
    return model
