"""Synthesised strips -> the trained network of the line model."""

from __future__ import annotations

import math
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.reading.line_model.network import build
from inkdigit.reading.line_model.samples import LabelledStrip, synthesize_strip, windows
from inkdigit.reading.line_model.spec import (
    BOX,
    DIGITS,
    OBJECTNESS,
)
from inkdigit.reading.line_model.targets import targets
from inkdigit.synth.page import synthesize_page
from inkdigit.training import backend
from inkdigit.training.augment.rare_styles import draw_digits
from inkdigit.training.batch_norm import fuse_batch_norm
from inkdigit.training.ema import EMA_INTERVAL, WeightEMA
from inkdigit.utils.files import atomic

TRAINING_WIDTH = 224  # pixels of a training strip


@dataclass(frozen=True)
class Phase:
    """A part of the training with one cycle of the learning rate.

    Attributes:
        epochs: how long it lasts.
        rate: the highest learning rate.
        strips: how many new strips are written for each epoch.
        windows: how many windows are cut out of new pages for each epoch. A window shows a line as it is found on a
            page, with everything around it, and takes longer to make than a strip.
    """

    epochs: int
    rate: float
    strips: int
    windows: int


PHASES = (
    Phase(epochs=24, rate=3e-3, strips=4096, windows=0),
    Phase(epochs=6, rate=1.5e-3, strips=768, windows=1536),
    Phase(epochs=12, rate=1.5e-3, strips=4096, windows=0),
    Phase(epochs=10, rate=1.5e-3, strips=2048, windows=512),
    Phase(epochs=8, rate=1.5e-3, strips=4096, windows=0),
)
EPOCHS = sum(phase.epochs for phase in PHASES)
BATCH = 32
MIN_BUMP = 0.5  # height of the bump from which on a column has to name the digit and its box
RARE_DIGITS = 4000  # digits drawn in rare styles for each epoch


def loss(wanted: Any, answered: Any) -> Any:
    """Targets and the network's answers -> the loss, a scalar.

    It is the focal loss of objectness, and inside the bumps the cross-entropy of the digits and the distances of the
    boxes' sides.
    """
    bump, logit = wanted[..., OBJECTNESS.start], answered[..., OBJECTNESS.start]
    peak: Any = ops.cast(bump >= 1, "float32")
    inside: Any = ops.cast(bump > MIN_BUMP, "float32")
    objectness: Any = ops.sigmoid(logit)
    negative_log: Any = ops.softplus(-logit)  # of objectness
    missed = peak * (1 - objectness) ** 2 * negative_log
    spurious = (1 - peak) * (1 - bump) ** 4 * objectness**2 * (logit + negative_log)
    smooth = 0.95 * wanted[..., DIGITS] + 0.005
    log_likelihood: Any = ops.sum(smooth * ops.log_softmax(answered[..., DIGITS], axis=-1), -1)
    sides: Any = ops.sum(ops.abs(wanted[..., BOX] - answered[..., BOX]), -1)
    peaks: Any = ops.sum(peak)
    columns: Any = ops.sum(inside)
    return ops.sum(missed + spurious) / (peaks + 1) + ops.sum(inside * (0.25 * sides - log_likelihood)) / (columns + 1)


def synthesize(digits: Dataset, seed: int, epoch: int, phase: Phase) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Digits -> new strips for one epoch, (N, 48, W) uint8, and their targets, (N, W / 2, 15) float16.

    The same seed and epoch give the same strips.
    """
    cv2.setNumThreads(1)
    rng = np.random.default_rng((seed, epoch))
    digits = with_styles(digits, rng)
    found: list[LabelledStrip] = []
    while len(found) < phase.windows:
        page = synthesize_page(digits.images, digits.required_labels, ["all"], rng)
        if "sideways" not in page.hardships:  # such pages are turned upright before their lines are found
            found += windows(page, TRAINING_WIDTH, rng)
    strips = found[: phase.windows] + [synthesize_strip(digits, TRAINING_WIDTH, rng) for _ in range(phase.strips)]
    images = np.stack([strip.image for strip in strips])
    return images, np.stack([targets(strip) for strip in strips]).astype(np.float16)


def with_styles(digits: Dataset, rng: np.random.Generator) -> Dataset:
    """The digits, and a third as many in styles that are rare among them: RARE_DIGITS drawings, repeated."""
    labels = rng.integers(0, 10, RARE_DIGITS)
    times = max(len(digits) // 3 // RARE_DIGITS, 1)
    images = np.concatenate([digits.images, np.tile(draw_digits(labels, rng), (times, 1, 1))])
    return Dataset(
        images, np.concatenate([digits.required_labels, np.tile(labels, times)]), f"{digits.source} and other styles"
    )


class Training:
    """One training of the line model. Its folder holds the strips and a checkpoint, from which it is resumed."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Build the network; make the folder where it is missing."""
        self.folder, self.seed = folder, seed
        folder.mkdir(parents=True, exist_ok=True)
        keras.utils.set_random_seed(seed)
        keras.config.set_dtype_policy(backend.dtype_policy("auto"))
        self.model = build(TRAINING_WIDTH)
        keras.config.set_dtype_policy("float32")
        fuse_batch_norm(self.model)
        self.model.compile(keras.optimizers.AdamW(weight_decay=0.01), loss, jit_compile=backend.jit_compile())
        self.model.optimizer.build(self.model.trainable_variables)
        self.average = WeightEMA(math.exp(-1 / (0.05 * PHASES[0].epochs * 2 * PHASES[0].strips / BATCH)))

    def run(self) -> Generator[tuple[int, float]]:
        """Train from the last finished epoch on; yields the number and the loss of each epoch after it."""
        train = mnist.load()[0]
        done = self._restore()
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            upcoming = self._prepare(pool, train, done)
            for epoch in range(done, EPOCHS):
                upcoming.result()
                upcoming = self._prepare(pool, train, epoch + 1)
                yield epoch, self._epoch(epoch)
                self._save(epoch + 1)

    def result(self) -> keras.Model:
        """The trained network: the averaged weights, in float32."""
        plain = build(TRAINING_WIDTH)
        with self.average.applied(self.model):
            plain.set_weights(self.model.get_weights())
        return plain

    def _prepare(self, pool: ProcessPoolExecutor, train: Dataset, epoch: int) -> Future[Any]:
        """Let the other process write the strips of an epoch, unless they exist or there is no such epoch."""
        if epoch == EPOCHS or self._strips_file(epoch).is_file():
            return pool.submit(int)
        return pool.submit(_write_strips, self._strips_file(epoch), train, self.seed, epoch, PHASES[_phase(epoch)[0]])

    def _strips_file(self, epoch: int) -> Path:
        return self.folder / f"strips-{epoch}.npz"

    def _epoch(self, epoch: int) -> float:
        """Train on new strips and on earlier ones, since making one takes as long as training on it; the loss."""
        rng = np.random.default_rng((self.seed, epoch, 1))
        phase, first = _phase(epoch)
        chosen = [epoch, int(rng.integers(first, max(epoch, first + 1)))]
        if phase:  # or the network would forget the strips of the phase before
            chosen.append(int(rng.integers(first - PHASES[phase - 1].epochs, first)))
        parts: list[tuple[NDArray[np.uint8], NDArray[Any]]] = []
        for number in chosen:
            with np.load(self._strips_file(number)) as chunk:
                parts.append((chunk["images"], chunk["wanted"]))
        images, wanted = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        batches = np.array_split(rng.permutation(len(images)), len(images) // BATCH)
        total = 0.0
        for step, rows in enumerate(batches):
            self.model.optimizer.learning_rate = _rate(epoch + step / len(batches))
            strips = (images[rows, ..., None] / np.float32(255)).astype(np.float32)
            answer = self.model.train_on_batch(strips, wanted[rows].astype(np.float32)[:, None])
            total += float(answer[0] if isinstance(answer, list) else answer)
            if step % EMA_INTERVAL == 0:
                self.average.update(self.model, epoch * len(batches) + step)
        return total / len(batches)

    def _save(self, epochs: int) -> None:
        arrays: dict[str, Any] = {f"average/{i}": weight for i, weight in enumerate(self.average.weights)}
        for kind, variables in self._variables().items():
            arrays |= {f"{kind}/{i}": ops.convert_to_numpy(variable) for i, variable in enumerate(variables)}
        with atomic(self.folder / "checkpoint.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, epochs=np.array(epochs), **arrays)

    def _restore(self) -> int:
        """Restore the checkpoint, if there is one; how many epochs are done."""
        checkpoint = self.folder / "checkpoint.npz"
        if not checkpoint.is_file():
            return 0
        with np.load(checkpoint, allow_pickle=False) as arrays:
            for kind, variables in self._variables().items():
                for i, variable in enumerate(variables):
                    variable.assign(arrays[f"{kind}/{i}"])
            averaged = sum(name.startswith("average/") for name in arrays.files)
            self.average.weights = [arrays[f"average/{i}"] for i in range(averaged)]
            return int(arrays["epochs"])

    def _variables(self) -> dict[str, list[Any]]:
        return {"model": self.model.variables, "optimizer": self.model.optimizer.variables}


def _phase(epoch: float) -> tuple[int, int]:
    """The number of the phase that an epoch belongs to, and its first epoch."""
    first = 0
    for number, phase in enumerate(PHASES):
        if epoch < first + phase.epochs:
            return number, first
        first += phase.epochs
    raise ValueError(f"There are {EPOCHS} epochs, not {epoch}.")


def _rate(epochs: float) -> float:
    """Epochs done -> the learning rate: in each phase it rises linearly over a tenth, then falls like half a cosine."""
    number, first = _phase(epochs)
    done = (epochs - first) / PHASES[number].epochs
    share = done / 0.1 if done < 0.1 else 0.5 + 0.5 * math.cos(math.pi * (done - 0.1) / 0.9)
    return PHASES[number].rate * share + 1e-6


def _write_strips(path: Path, digits: Dataset, seed: int, epoch: int, phase: Phase) -> None:
    images, wanted = synthesize(digits, seed, epoch, phase)
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, images=images, wanted=wanted)
