"""A set of digit images in memory, with or without labels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError


@dataclass(frozen=True)
class Dataset:
    """Images as every part of Inkdigit passes them on.

    Attributes:
        images: (N, 28, 28) uint8, ink bright on dark (0 = paper, 255 = ink).
        labels: (N,) int64 in 0–9, or None where the source has none.
        source: where they came from, for messages and manifests (`train.csv`; `MNIST, Kaggle protocol, seed 0`).
        assumed: what was taken for granted when they were read, a part of a sentence; empty where nothing was.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    source: str
    assumed: str = ""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def required_labels(self) -> NDArray[np.int64]:
        """The labels, (N,) int64. Raises InkdigitError where there are none."""
        if self.labels is None:
            problem = "has no labels, and labels are needed here: name labelled data"
            raise InkdigitError(f"{self.source} {problem}.", code="labels-missing")
        return self.labels

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of pixels and labels in order: equal for the same data from any file format."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """64 bits of each image's BLAKE2b, (N,) uint64: equal for equal pixels, in any set."""
        digests = [hashlib.blake2b(image, digest_size=8).digest() for image in np.ascontiguousarray(self.images)]
        return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)

    def take(self, rows: NDArray[np.integer]) -> Dataset:
        """Return some rows, by number, in the order given."""
        return Dataset(self.images[rows], None if self.labels is None else self.labels[rows], self.source)
