"""A page while it is written: where its lines, words and smudges are, before a camera sees it."""

from __future__ import annotations

import numpy as np

from inkdigit.synth import glyphs, layout
from inkdigit.synth.layout import Line, Mark, Pool


class Sheet:
    """A page while it is written: lines and other marks in the page's coordinates, and its size."""

    def __init__(self, pool: Pool, hardships: frozenset[str], rng: np.random.Generator) -> None:
        self.pool, self.hardships, self.rng = pool, hardships, rng
        self.hand = layout.pen(hardships, rng)
        self.lines: list[Line] = []
        self.others: list[Line] = []  # words on lines of their own
        self.spots: list[Mark] = []
        self.size = (0, 0)
        self.pitch = 40.0
        self.first = (0.0, 0.0)  # a crossing of the paper's rules

    def fill(self, width: int) -> None:
        """Write the lines of a page about `width` pixels wide."""
        rng, hardships = self.rng, self.hardships
        heights = layout.heights(width, hardships, rng)
        self.pitch = self._pitch(float(np.median(heights)))
        margin = width * rng.uniform(0.03, 0.12)
        slope = rng.normal(0, 0.012) * (0 if self._printed() else 1)
        y, leading = margin, rng.uniform(1.5, 2.3)
        right = width - margin
        for height in heights if "blank-page" not in hardships else []:
            if y + leading * height > min(1.5 * width, 2600) and self.lines:
                break
            most = int(np.clip((width - 2 * margin) / (0.85 * height), 1, 12))
            least = 6 if "sideways" in hardships else 2 if "touching-digits" in hardships or "signs" in hardships else 1
            count = max(int(rng.integers(1, most + 1)), least if not self.lines else 1)
            rows = self.pool.draw(count, hardships, rng)
            written = layout.write(self.pool, rows, height, self.hand, hardships, rng, width - 2 * margin)
            y = self._on_rule(y + leading * height)
            indent = max(right - margin - written.width, 0) * rng.choice([0, 0, 0.5, rng.uniform(0, 1)])
            self.lines.append(written.moved(margin + indent, y, slope + rng.normal(0, 0.004)))
            right = max(right, written.width + margin)
            if "letters" in hardships and (rng.random() < 0.4 or len(self.lines) == 1):
                y = self._on_rule(y + leading * height)
                self.others.append(layout.words(height, self.hand, rng).moved(margin, y))
        high = y + margin * rng.uniform(0.8, 3) if self.lines else width * rng.uniform(0.5, 1.4)
        self.size = (round(right + margin), round(max(high, 0.35 * width)))
        self._smudge()

    def fill_line(self, height: int) -> None:
        """Write one line of digits of that height."""
        rng, hardships = self.rng, self.hardships
        self.pitch = self._pitch(height)
        self.first = (0.0, 2.0 * height)
        self.size = (round(height * rng.uniform(2, 9)), round(2.5 * height))
        if "blank-page" not in hardships:
            least = 6 if "sideways" in hardships else 2 if "touching-digits" in hardships or "signs" in hardships else 1
            rows = self.pool.draw(int(rng.integers(least, 13)), hardships, rng)
            written = layout.write(self.pool, rows, height, self.hand, hardships, rng)
            self.lines.append(written.moved(height, 2 * height, rng.normal(0, 0.01)))
            self.size = (written.width + 2 * height, round(2.5 * height))
        self._smudge()

    def _printed(self) -> bool:
        return bool(self.hardships.intersection(("ruled-paper", "squared-paper", "dotted-paper", "printed-boxes")))

    def _pitch(self, height: float) -> float:
        """The distance of the paper's rules, in pixels, for digits of that height."""
        share = self.rng.uniform(0.5, 0.8) if "ruled-paper" in self.hardships else self.rng.uniform(0.7, 1.7)
        return max(height / share, 8)

    def _on_rule(self, y: float) -> float:
        """The y of the next line at or below `y`; on ruled paper on a rule, or a little above one."""
        if not self.hardships.intersection(("ruled-paper", "squared-paper")):
            return y
        place = np.ceil(y / self.pitch) * self.pitch
        return float(place - max(self.rng.normal(0.05, 0.06), 0) * self.pitch)

    def _smudge(self) -> None:
        if "smudges" in self.hardships:
            for _ in range(self.rng.integers(1, 5)):
                spot = glyphs.smudge(round(max(self.size[1] * self.rng.uniform(0.05, 0.2), 12)), self.rng)
                x, y = (self.rng.uniform(0, 0.9) * side for side in self.size)
                self.spots.append(Mark(spot, round(x), round(y)))

    @property
    def smallest(self) -> int:
        """The height of the smallest digits, in pixels, taken as less where the pen is fine; 40 on an empty page."""
        height = min((line.height for line in self.lines), default=40)
        return round(min(height, 10 * max(self.hand.width * height, 1)))
