"""A training's curves as event files for TensorBoard."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkdigit.errors import InkdigitError

if TYPE_CHECKING:
    from inkdigit.training.progress import Epoch, Progress

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")


@contextmanager
def record_epochs(progress: Progress, folder: Path | None) -> Generator[Progress]:
    """Yield a progress that also writes each epoch's figures to an event file.

    Args:
        progress: is notified of everything as well.
        folder: for the event file; None writes nothing and yields `progress` itself.

    Raises:
        InkdigitError: TensorFlow, which writes these files, is not installed, or the folder cannot be written.
    """
    if folder is None:
        yield progress
        return
    try:
        import tensorflow as tf
    except ImportError:
        raise InkdigitError(
            "--tensorboard needs TensorFlow, which writes its files: install it, or leave the option out.",
            code="extra-missing",
        ) from None
    try:
        writer: Any = tf.summary.create_file_writer(str(folder))
    except (OSError, tf.errors.OpError) as error:
        raise InkdigitError(
            f"{folder} cannot be written ({' '.join(str(error).split())}): choose another --tensorboard.",
            code="file-unwritable",
        ) from None
    with writer.as_default():
        yield _RecordedProgress(progress, writer)


class _RecordedProgress:
    def __init__(self, progress: Progress, writer: Any):
        self.progress, self.writer = progress, writer

    def resume(self, history: list[Epoch]) -> None:
        """Write nothing: the interrupted process has written those epochs to a file of its own."""
        self.progress.resume(history)

    def step(self) -> None:
        self.progress.step()

    def epoch(self, epoch: Epoch) -> None:
        import tensorflow as tf

        for name in FIGURES:
            if (value := getattr(epoch, name)) is not None:
                tf.summary.scalar(name, value, step=epoch.epoch)
        self.writer.flush()  # so that a watcher sees it now
        self.progress.epoch(epoch)
