"""Files as a bad disk, or somebody who means harm, may leave them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

ENDS = 600  # bytes at both ends of an NPZ file, which tell what is in it


def damaged_copies(content: bytes, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Copies of a file's content, each with one to three other bytes; in half of them near the file's ends."""
    for number in range(count):
        copy = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            place = int(rng.integers(len(copy)))
            if number % 2:
                place = int(rng.integers(-ENDS, ENDS)) % len(copy)
            copy[place] ^= int(rng.integers(1, 256))
        yield bytes(copy)
