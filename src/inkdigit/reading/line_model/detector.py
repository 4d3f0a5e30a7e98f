"""The learned line reader: a strip of ink -> where its digits are, and which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIDE = 2  # pixels of a strip for each column of the network's answer
UNIT = 16.0  # pixels in which it tells the sides of boxes
LEAST = 0.3  # probability that a digit's middle is in a column, below which there is none
SAME = 0.8  # two boxes that share so much of the narrower one's width are one digit's
AT_ONCE = 4096  # columns of pixels in a call of ONNX Runtime: bounds the memory


@dataclass(frozen=True)
class Spot:
    """A digit on a strip.

    here: how sure it is that there is one. probabilities: (10,) float64, of the digits, should there be one. box: left,
    top, right, bottom in pixels of the strip.
    """

    here: float
    probabilities: NDArray[np.float64]
    box: tuple[float, float, float, float]


class LineDetector:
    """Finds digits along strips. Serves any number of threads.

    model: the bytes of an ONNX file as `line_model.network.to_onnx` writes it. threads: that it works on; 0: one for
    each core.
    """

    def __init__(self, model: bytes, threads: int = 0) -> None:
        import onnxruntime

        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_cpu_mem_arena = False  # every width of a strip would have a part of its own
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def find(self, strips: Sequence[NDArray[np.uint8]], check: Callable[[], object] = lambda: None) -> list[list[Spot]]:
        """The digits of each strip (48, W) uint8, ink bright on 0, from left to right.

        check: called before each batch; it may raise, which ends the work.
        """
        found: list[list[Spot]] = [[] for _ in strips]
        order = sorted(range(len(strips)), key=lambda k: strips[k].shape[1])
        while order:
            check()
            width = -(-strips[order[-1]].shape[1] // 32) * 32
            together = [order.pop() for _ in range(min(max(AT_ONCE // width, 1), len(order)))]
            batch = np.zeros((len(together), strips[0].shape[0], width), np.uint8)
            for row, k in zip(batch, together, strict=True):
                row[:, : strips[k].shape[1]] = strips[k]
            for k, columns in zip(together, self._session.run(["columns"], {"strips": batch})[0], strict=True):
                found[k] = _spots(columns.astype(np.float64), strips[k].shape)
        return found


def _spots(columns: NDArray[np.float64], shape: tuple[int, ...]) -> list[Spot]:
    """What the network answers, (15, C), as digits from left to right."""
    here = 1 / (1 + np.exp(-columns[0]))
    padded = np.pad(here, 1)
    peaks = np.flatnonzero((here >= LEAST) & (here >= padded[:-2]) & (here > padded[2:]))
    kept: list[tuple[int, float, float]] = []
    for peak in peaks[np.argsort(-here[peaks])]:
        middle = (peak + 0.5) * STRIDE
        left, right = middle - UNIT * columns[11, peak], middle + UNIT * columns[13, peak]
        if not any(_same(left, right, *other[1:]) for other in kept):
            kept.append((int(peak), left, right))
    spots: list[Spot] = []
    for peak, left, right in sorted(kept):
        odds = np.exp(columns[1:11, peak] - columns[1:11, peak].max())
        top, bottom = shape[0] / 2 - UNIT * columns[12, peak], shape[0] / 2 + UNIT * columns[14, peak]
        box = max(left, 0), max(top, 0), min(right, shape[1]), min(bottom, shape[0])
        spots.append(Spot(float(here[peak]), odds / odds.sum(), tuple(float(side) for side in box)))  # type: ignore[arg-type]
    return spots


def _same(left: float, right: float, other_left: float, other_right: float) -> bool:
    common = min(right, other_right) - max(left, other_left)
    return common > SAME * min(right - left, other_right - other_left)
