"""Where ink goes on a page: lines of digits, and the signs, words and boxes among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.synth import glyphs
from inkdigit.synth.glyphs import Hand, Piece

STROKE_LEVEL = 96  # the strength at the edge of a stroke
ORIENTATION_DIGITS = (3, 4, 7)  # show which way up a page is; many others look like digits upside down, too
SIGNS_BETWEEN, SIGNS_BEFORE, SIGNS_AFTER = ",.-", "+-#€", "-=%€."
# Words without letters that look like digits.
WORDS = (
    *("name", "week", "March", "Fax", "Nr", "km", "cm", "paper", "camera", "cream", "read", "Peak", "Kafka", "here"),
    *("when", "Anna", "Emma", "Karen", "Frank", "Vera", "area", "frame", "Park", "Mr", "far", "make", "mm"),
)


@dataclass(frozen=True)
class Mark:
    """A piece of ink on a page.

    Attributes:
        ink: the piece.
        x: of its upper left pixel.
        y: of its upper left pixel.
        source: the digit's row in the pool; None for what is not a digit.
    """

    ink: Piece
    x: int
    y: int
    source: int | None = None

    def moved(self, x: float, y: float) -> Mark:
        """A copy, shifted by x and y."""
        return replace(self, x=self.x + round(x), y=self.y + round(y))

    @property
    def hull(self) -> NDArray[np.float32]:
        """The corners (N, 2), x and y, of the convex hull of the ink's pixels."""
        points = cv2.convexHull(cv2.findNonZero(_inked(self.ink).astype(np.uint8)))
        return (points[:, 0] + (self.x, self.y)).astype(np.float32)


@dataclass
class Line:
    """A line of writing.

    Attributes:
        height: of its digits, in pixels.
        marks: from left to right.
        boxes: printed ones, each x, y, width, height.
    """

    height: int
    marks: list[Mark] = field(default_factory=list[Mark])
    boxes: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])

    def moved(self, x: float, y: float, slope: float = 0) -> Line:
        """A copy, shifted by x and y, that falls by `slope` pixels for each pixel to the right."""
        boxes = [(left + round(x), top + round(y), width, height) for left, top, width, height in self.boxes]
        return Line(self.height, [mark.moved(x, y + slope * mark.x) for mark in self.marks], boxes)

    @property
    def width(self) -> int:
        """From x = 0 to the end of the last mark or box, in pixels."""
        return max([mark.x + mark.ink.shape[1] for mark in self.marks] + [box[0] + box[2] for box in self.boxes])


@dataclass(frozen=True)
class Pool:
    """The digits to write with: images (N, 28, 28) uint8 and labels (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.integer]

    def draw(self, count: int, hardships: frozenset[str], rng: np.random.Generator) -> list[int]:
        """`count` random rows of the pool; among them the digits that the hardships need, such as sevens to cross."""
        rows = rng.integers(len(self.labels), size=count).tolist()
        wanted = [7] * ("crossed-sevens" in hardships) + [4] * ("open-fours" in hardships)
        wanted += rng.permutation(ORIENTATION_DIGITS).tolist() if "sideways" in hardships else []
        wanted += [digit for digit in wanted for _ in range(count // 6)]
        for digit in wanted[:count]:
            rows[rng.integers(count)] = self._one(digit, hardships, rng)
        for place in range(count):
            if "open-fours" in hardships and self.labels[rows[place]] == 4:
                rows[place] = self._one(4, hardships, rng)
        return rows

    def _one(self, digit: int, hardships: frozenset[str], rng: np.random.Generator) -> int:
        candidates = rng.permutation(np.flatnonzero(self.labels == digit))
        for row in candidates[:20]:
            if digit != 4 or "open-fours" not in hardships or not glyphs.has_loop(self.images[row]):
                return int(row)
        return int(candidates[0]) if len(candidates) else int(rng.integers(len(self.labels)))


def pen(hardships: frozenset[str], rng: np.random.Generator) -> Hand:
    """A random writer and pen for a page with these hardships."""
    hand = glyphs.random_hand(rng)
    if "thin-pen" in hardships:
        hand = replace(hand, width=float(rng.uniform(0.025, 0.045)))
    if "thick-marker" in hardships:
        hand = replace(hand, width=float(rng.uniform(0.14, 0.19)))
    return hand


def heights(width: int, hardships: frozenset[str], rng: np.random.Generator) -> list[int]:
    """The height of the digits of each line, in pixels, for a page about `width` pixels wide."""
    count = int(rng.integers(1, 9))
    if "mixed-sizes" in hardships:
        tallest = min(1000, width * rng.uniform(0.2, 0.45))
        sizes = np.exp(rng.uniform(np.log(12), np.log(tallest), max(count, 3)))
        sizes[:2] = 12 * rng.uniform(1, 1.5), tallest
        return [round(size) for size in rng.permutation(sizes)]
    largest = min(300, width / (12 if "letters" in hardships else 6))
    common = np.exp(rng.uniform(np.log(max(18, width / 60)), np.log(largest)))
    return [max(round(common * np.exp(rng.normal(0, 0.04))), 12) for _ in range(count)]


def write(
    pool: Pool,
    rows: list[int],
    height: int,
    hand: Hand,
    hardships: frozenset[str],
    rng: np.random.Generator,
    room: float = np.inf,
) -> Line:
    """Write a line of digits, from x = 0 to the right, standing on y = 0.

    Args:
        pool: the digits.
        rows: which rows of the pool, in order.
        height: of the digits, in pixels.
        hand: who writes, and with what.
        hardships: of the page.
        rng: draws what varies.
        room: how wide the line may be, in pixels, about.
    """
    if "printed-boxes" in hardships:
        return _in_boxes(pool, rows, height, hand, hardships, rng)
    line = _LineWriter(height, hand, rng)
    near = rng.uniform(0.06, 0.25) if rng.random() < 0.6 else rng.uniform(0.3, 1.2)
    near = min(near, max(room / (height * len(rows)) - 0.8, 0.06))
    group = int(rng.integers(2, 7)) if rng.random() < 0.5 else len(rows)
    touching = _random_places(len(rows), 0.45, rng) if "touching-digits" in hardships else [False] * len(rows)
    signs = _random_places(len(rows), 0.13, rng) if "signs" in hardships else [False] * len(rows)
    if "signs" in hardships and rng.random() < 0.25:
        line.sign(str(rng.choice([*SIGNS_BEFORE])), 0.15)
    if "letters" in hardships and rng.random() < 0.3:
        line.word(str(rng.choice(WORDS)))
    for place, row in enumerate(rows):
        gap = near * rng.uniform(0.7, 1.3) + (rng.uniform(0.5, 1) if place and place % group == 0 else 0)
        if signs[place] and place:
            line.sign(str(rng.choice([*SIGNS_BETWEEN])), near)
            gap = max(near, 0.12)
        elif touching[place] and place:
            gap = -hand.width * rng.uniform(0.3, 1.1)
        line.place(_digit(pool, row, height, hand, hardships, rng), gap, source=row)
    if "signs" in hardships and rng.random() < 0.3:
        line.sign(str(rng.choice([*SIGNS_AFTER])), 0.2)
    if "letters" in hardships and rng.random() < 0.2:
        line.word(str(rng.choice(WORDS)))
    return line.line


def words(height: int, hand: Hand, rng: np.random.Generator) -> Line:
    """A line of words, or sometimes a scribble, from x = 0 to the right, standing on y = 0."""
    line = _LineWriter(height, hand, rng)
    if rng.random() < 0.3:
        line.place(glyphs.scribble(round(height * rng.uniform(0.6, 1.1)), hand, rng), 0)
        return line.line
    for word in rng.choice(WORDS, rng.integers(1, 4)):
        line.word(str(word))
    return line.line


class _LineWriter:
    """Writes a line: each piece at the wanted distance from those before it, measured between their shapes."""

    def __init__(self, height: int, hand: Hand, rng: np.random.Generator) -> None:
        self.line = Line(height)
        self.hand = hand
        self.rng = rng
        # The right end of the ink on each row of pixels, from two heights above the line to one below it.
        self.right_edge = np.zeros(3 * height + 2, np.float32)

    def place(self, ink: Piece, gap: float, *, top: int | None = None, source: int | None = None) -> None:
        """Put a piece `gap` digit heights to the right of the others, on the line or with its first row at `top`."""
        height = self.line.height
        first_row = round(self.rng.normal(0, 0.03) * height) - ink.shape[0] if top is None else top
        mask = _inked(ink)
        rows = np.clip(np.arange(len(mask)) + first_row + 2 * height, 0, len(self.right_edge) - 1)
        left = np.where(mask.any(1), mask.argmax(1), 4 * height)
        right = np.where(mask.any(1), mask.shape[1] - mask[:, ::-1].argmax(1), -4 * height)
        right_edge = self.right_edge
        if gap > 0:  # rows above and below count as well
            right_edge = cv2.dilate(right_edge[:, None], np.ones((2 * round(0.15 * height) + 1, 1)))[:, 0]
        start = float((right_edge[rows] - left).max())
        before = self.line.marks[-1].x if self.line.marks else -gap * height
        x = round(max(start, before) + gap * height)
        np.maximum.at(self.right_edge, rows, np.float32(x) + right)
        self.line.marks.append(Mark(ink, x, first_row, source))

    def sign(self, character: str, gap: float) -> None:
        """Write a sign."""
        ink, top = glyphs.sign(character, self.line.height, self.hand, self.rng)
        self.place(ink, gap, top=top - self.line.height)

    def word(self, text: str) -> None:
        """Write a word, after a space."""
        for number, character in enumerate(text):
            ink, top = glyphs.letter(character, self.line.height, self.hand, self.rng)
            first = not number and self.line.marks
            self.place(ink, 0.6 if first else 0.08, top=top - self.line.height)
        self.right_edge[:] = self.right_edge.max() + 0.3 * self.line.height


def _inked(ink: Piece) -> NDArray[np.bool_]:
    """The pixels of strokes, (h, w) bool; the threshold is lower for a piece that is faint everywhere."""
    return ink > min(STROKE_LEVEL, int(ink.max()) // 2)


def _digit(pool: Pool, row: int, height: int, hand: Hand, hardships: frozenset[str], rng: np.random.Generator) -> Piece:
    size = max(round(height * np.exp(rng.normal(0, 0.05))), 12)
    # Of a small digit, a gap that can be seen leaves too little.
    broken = "broken-strokes" in hardships and size >= 24 and rng.random() < 0.4
    crossed = "crossed-sevens" in hardships and pool.labels[row] == 7
    return glyphs.digit(pool.images[row], size, hand, rng, broken=broken, crossed=bool(crossed))


def _random_places(count: int, share: float, rng: np.random.Generator) -> list[bool]:
    """For each of `count` places whether something happens there, with probability `share`; never only at the first."""
    places = rng.random(count) < share
    if count > 1:
        places[rng.integers(1, count)] = True
    return places.tolist()


def _in_boxes(
    pool: Pool, rows: list[int], height: int, hand: Hand, hardships: frozenset[str], rng: np.random.Generator
) -> Line:
    """Write a line with each digit in a printed box."""
    wide, high = height * rng.uniform(1.3, 1.6), height * rng.uniform(1.3, 1.7)
    apart = 0 if rng.random() < 0.5 else wide * rng.uniform(0.1, 0.3)
    line = Line(height)
    for place, row in enumerate(rows):
        left = place * (wide + apart)
        ink = _digit(pool, row, height, hand, hardships, rng)
        x = left + (wide - ink.shape[1]) / 2 + rng.normal(0, 0.05) * wide
        y = -(high - height) / 2 * (1 + rng.normal(0, 0.3)) - ink.shape[0]
        line.boxes.append((round(left), -round(high), round(wide), round(high)))
        line.marks.append(Mark(ink, round(x), round(y), row))
    return line


def paint(marks: Iterable[Mark], canvas: NDArray[np.uint8]) -> None:
    """Draw marks on a canvas (H, W) of ink strength; what lies outside is cut off."""
    for mark in marks:
        # Slices begin at 0 or later; those beyond the end are empty.
        place = canvas[max(mark.y, 0) :, max(mark.x, 0) :]
        ink = mark.ink[max(-mark.y, 0) :, max(-mark.x, 0) :]
        rows, columns = (min(sizes) for sizes in zip(place.shape, ink.shape, strict=True))
        np.maximum(place[:rows, :columns], ink[:rows, :columns], out=place[:rows, :columns])
