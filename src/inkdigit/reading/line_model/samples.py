"""Digits -> labelled strips to train the line model on: lines of digits among signs, letters and dirt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.data.dataset import Dataset
from inkdigit.imaging.page.deskew import Strip
from inkdigit.imaging.page.lines import lines_in
from inkdigit.reading.line_model.detector import StripBox
from inkdigit.reading.line_model.spec import STRIP_HEIGHT
from inkdigit.synth import glyphs
from inkdigit.synth.glyphs import Hand, Piece
from inkdigit.synth.page import Digit as PageDigit
from inkdigit.synth.page import Page

DIGIT_HEIGHT = 27  # pixels of a common digit's height in a strip
LETTERS = [character for character in glyphs.LETTERS if character not in glyphs.DIGIT_LIKE_LETTERS]
# In a word, neighbours make the difference between these and digits.
WORD_LETTERS = [character for character in glyphs.LETTERS if character not in "OoDQIlSsZz"]
COMMON_LETTERS = "etaoinsrhldcumfpgwybvk"  # of European languages, and how common they are, about
COMMON_SHARES = np.array([13, 9, 8, 8, 7, 7, 7, 7, 5, 5, 4, 4, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1]) / 102
SEPARATORS = (".", ",", "-", ".", ",", "=", "/", ":", "+", "#", "€")
MIN_MEAN_INK = 8  # of 255: a box with less ink on average has lost its digit
GAPS = ((-0.03, 0.05), (0.04, 0.05), (0.22, 0.1), (0.7, 0.3))  # mean and spread, as shares of a digit's height


@dataclass
class LabelledStrip:
    """A line of ink and its digits.

    Attributes:
        image: (48, W) uint8, ink bright on 0.
        labels: the digits from left to right.
        boxes: of each digit's ink, left, top, right, bottom in pixels of the strip.
    """

    image: NDArray[np.uint8]
    labels: list[int] = field(default_factory=list[int])
    boxes: list[StripBox] = field(default_factory=list[StripBox])


def synthesize_strip(digits: Dataset, width: int, rng: np.random.Generator) -> LabelledStrip:
    """Digits -> a strip of this width with a line, which may end early.

    Args:
        digits: labelled images in MNIST's form; they are redrawn with other pens.
        width: pixels.
        rng: random numbers.
    """
    canvas = np.zeros((STRIP_HEIGHT, width), np.uint8)
    strip = LabelledStrip(canvas)
    writer = _Writer(digits, strip, rng)
    kind = rng.random()
    while writer.room:
        if kind > 0.88 or (kind > 0.73 and rng.random() < 0.4):
            writer.word()
        else:
            writer.number(separated=kind > 0.5)
        if rng.random() < 0.25:
            break
    strip.image = _worn(strip.image, rng)
    return strip


def windows(page: Page, width: int, rng: np.random.Generator) -> list[LabelledStrip]:
    """The strips found on a page, with the page's digits, cut or padded to a width in pixels."""
    found: list[LabelledStrip] = []
    digits = [digit for line in page.lines for digit in line]
    for strip in lines_in(Image.fromarray(page.picture)).strips:
        whole = _labelled(strip, digits)
        spare = whole.image.shape[1] - width
        if spare <= 0:
            found.append(_window(whole, -int(rng.integers(-spare + 1)), width))
            continue
        starts = range(int(rng.integers(min(spare, width // 2) + 1)), spare + 1, width)
        found += [_window(whole, start, width) for start in starts]
    return found


def _labelled(strip: Strip, digits: list[PageDigit]) -> LabelledStrip:
    """A strip found on a page, with those of the page's digits that are on it."""
    to_strip = cv2.invertAffineTransform(strip.to_picture)
    whole = LabelledStrip(strip.image)
    for digit in digits:
        x, y, w, h = digit.box
        corners = np.array([[x, x + w, x, x + w], [y, y, y + h, y + h], [1, 1, 1, 1]])
        (left, top), (right, bottom) = (to_strip @ corners).min(1), (to_strip @ corners).max(1)
        part = strip.image[max(int(top), 0) : int(bottom) + 1, max(int(left), 0) : int(right) + 1]
        middle = (left + right) / 2, (top + bottom) / 2
        if (
            part.size
            and 0 < middle[0] < strip.image.shape[1]
            and 0 < middle[1] < STRIP_HEIGHT
            and part.mean() > MIN_MEAN_INK
        ):
            whole.labels.append(digit.digit)
            whole.boxes.append((float(left), float(top), float(right), float(bottom)))
    return whole


def _window(whole: LabelledStrip, start: int, width: int) -> LabelledStrip:
    image = np.zeros((STRIP_HEIGHT, width), np.uint8)
    part = whole.image[:, max(start, 0) : start + width]
    image[:, max(-start, 0) : max(-start, 0) + part.shape[1]] = part
    window = LabelledStrip(image)
    for label, (left, top, right, bottom) in zip(whole.labels, whole.boxes, strict=True):
        inside = min(right - start, width) - max(left - start, 0)
        if inside > 0.6 * (right - left):
            window.labels.append(label)
            window.boxes.append((left - start, top, right - start, bottom))
    return window


class _Writer:
    """Writes pieces of ink from left to right."""

    def __init__(self, digits: Dataset, strip: LabelledStrip, rng: np.random.Generator) -> None:
        self.digits, self.strip, self.rng = digits, strip, rng
        self.hand = _hand(rng)
        self.height = float(np.clip(rng.normal(DIGIT_HEIGHT, 3.5), 17, 37))
        self.variation = rng.choice([0.04, 0.1, 0.2])
        self.slope = float(rng.normal(0, 0.03))
        self.foot = STRIP_HEIGHT / 2 + self.height / 2 + float(rng.normal(0, 2))  # where the line stands in the middle
        self.x = int(rng.integers(2, 16))
        self.right = np.full(STRIP_HEIGHT, -100)  # the last inked column of each row

    @property
    def room(self) -> bool:
        return self.x < self.strip.image.shape[1] - 12

    def number(self, *, separated: bool) -> None:
        gap = GAPS[self.rng.choice(4, p=[0.25, 0.3, 0.3, 0.15])]
        joined = self.rng.random() < 0.12
        count = int(self.rng.integers(1, 10))
        alike = self.rng.random() < 0.15  # "000", "11": many numbers have equal digits, and they touch
        round_from = int(self.rng.integers(1, 4)) if self.rng.random() < 0.2 else count
        flat = float(self.rng.uniform(0.5, 1)), float(self.rng.uniform(1, 1.8))
        index = self._index(None)
        for place in range(count):
            label = int(self.digits.required_labels[index]) if alike and self.rng.random() < 0.7 else None
            zero = place >= round_from  # the zeros of a round amount are written in haste: low, wide, joined
            index = self._index(0 if zero else label)
            before = self.right.copy()
            left = self._digit(index, GAPS[0] if zero else gap, *(flat if zero else (1, 1)))
            if not self.room:
                return
            if (joined and place and gap[0] < 0.1) or (place > round_from and self.rng.random() < 0.5):
                self._join(before, left)
            if separated and self.rng.random() < 0.3:
                self._sign(str(self.rng.choice(SEPARATORS)), gap)
        self.x += int(self.rng.uniform(0, 2) * self.height)

    def word(self) -> None:
        if self.rng.random() < 0.5:
            self._printed()
            return
        gap = GAPS[self.rng.choice(3)]
        count = int(self.rng.integers(1, 7))
        letters = WORD_LETTERS if count >= 3 else LETTERS
        for _ in range(count):
            if self.rng.random() < 0.06:
                piece, top = glyphs.scribble(round(self.height * self.rng.uniform(0.6, 1.4)), self.hand, self.rng), 0
            else:
                piece, top = glyphs.letter(str(self.rng.choice(letters)), round(self.height), self.hand, self.rng)
            self._put(piece, self.foot - self.height + top, self._gap(gap))
            if not self.room:
                return
        self.x += int(self.rng.uniform(0.2, 1.5) * self.height)

    def _printed(self) -> None:
        """A word or more in print."""
        scale = self.rng.uniform(0.85, 1.25)
        for _ in range(int(self.rng.integers(1, 5))):
            letters = self.rng.choice([*COMMON_LETTERS], int(self.rng.integers(2, 11)), p=COMMON_SHARES)
            text, case = "".join(letters), self.rng.random()
            text = text.title() if case < 0.35 else text.upper() if case < 0.45 else text
            text += str(self.rng.choice(["", "", "", "", ",", ".", ":", ")"]))
            height = round(scale * self.height)
            piece, top = glyphs.printed(text, height, self.rng)
            self._put(piece, self.foot - height + top, 0.3 * self.height)
            if not self.room:
                return
        self.x += int(self.rng.uniform(0.2, 1.5) * self.height)

    def _index(self, label: int | None) -> int:
        if label is None:
            return int(self.rng.integers(len(self.digits)))
        return int(self.rng.choice(np.flatnonzero(self.digits.required_labels == label)))

    def _digit(self, index: int, gap: tuple[float, float], tall: float, wide: float) -> int:
        label = int(self.digits.required_labels[index])
        height = max(round(tall * self.height * float(np.exp(self.rng.normal(0, self.variation)))), 10)
        crossed = label == 7 and self.rng.random() < 0.4
        broken = self.rng.random() < 0.04
        image = self.digits.images[index]
        hand = replace(self.hand, aspect=self.hand.aspect * wide)
        piece = glyphs.digit(image, height, hand, self.rng, broken=broken, crossed=crossed)
        top = self.foot - piece.shape[0] + float(self.rng.normal(0, 0.06)) * self.height
        box = self._put(piece, top, self._gap(gap))
        inside = min(box[2], self.strip.image.shape[1]) - box[0]
        if inside > 0.6 * piece.shape[1]:
            self.strip.labels.append(label)
            self.strip.boxes.append(box)
        return int(box[0])

    def _sign(self, character: str, gap: tuple[float, float]) -> None:
        piece, top = glyphs.sign(character, round(self.height), self.hand, self.rng)
        self._put(piece, self.foot - self.height + top, max(self._gap(gap), 1))

    def _gap(self, gap: tuple[float, float]) -> float:
        return float(self.rng.normal(*gap)) * self.height

    def _put(self, piece: Piece, top: float, gap: float) -> tuple[float, float, float, float]:
        """Lay a piece beside what is there, `gap` pixels from it where both are nearest."""
        image = self.strip.image
        slope = (self.x - image.shape[1] / 2) * self.slope
        y = int(np.clip(round(top + slope), 0, max(STRIP_HEIGHT - piece.shape[0], 0)))
        piece = piece[: STRIP_HEIGHT - y]
        rows = np.flatnonzero((piece > 60).any(1))
        first = (piece > 60).argmax(1)[rows]
        near = np.array([self.right[max(y + row - 2, 0) : y + row + 3].max() for row in rows], int)
        x = max(int((near - first).max(initial=-50) + gap) + 1, self.x - round(0.5 * self.height), 0)
        if near.max(initial=-100) < 0:
            x = self.x
        box = float(x), float(y), float(x + piece.shape[1]), float(y + piece.shape[0])
        self.x = max(self.x, x + piece.shape[1] + 1)
        piece = piece[:, : max(image.shape[1] - x, 0)]
        if piece.size:
            span = slice(y, y + piece.shape[0])
            part = image[span, x : x + piece.shape[1]]
            np.maximum(part, piece, out=part)
            dark = piece > 60
            last = x + piece.shape[1] - 1 - dark[:, ::-1].argmax(1)
            self.right[span] = np.where(dark.any(1), np.maximum(self.right[span], last), self.right[span])
        return box

    def _join(self, before: NDArray[np.int_], left: int) -> None:
        """A hasty pen does not leave the paper between two digits."""
        rows = np.flatnonzero(before > left - 0.7 * self.height)
        if not rows.size:
            return
        row = int(rows[self.rng.integers(0, max(len(rows) // 3, 1))])
        end = left + int(self.rng.integers(2, 6)), int(np.clip(row + self.rng.integers(-3, 4), 0, STRIP_HEIGHT - 1))
        thickness = max(round(self.hand.width * self.height * 0.7), 1)
        cv2.line(self.strip.image, (int(before[row]), row), end, 220, thickness, cv2.LINE_AA)


def _hand(rng: np.random.Generator) -> Hand:
    return Hand(
        width=float(np.exp(rng.uniform(np.log(0.045), np.log(0.2)))),
        slant=float(rng.normal(0.08, 0.18)),
        natural_width=float(rng.uniform(0, 0.6)),
        aspect=float(np.exp(rng.normal(0, 0.15))),
        bend=float(rng.uniform(0.005, 0.03)),
    )


def _worn(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What paper, camera and the removal of rules leave of a line."""
    height, width = image.shape
    ink = image.astype(np.float32)
    if rng.random() < 0.25:  # rules were removed, and with them some ink
        period, start = rng.integers(8, 40), rng.integers(0, 40)
        for row in range(start, height, period):
            ink[row : row + rng.integers(1, 3)] *= rng.uniform(0, 0.8)
    if rng.random() < 0.2:  # or left in pieces
        for _ in range(int(rng.integers(1, 4))):
            x, y, long = rng.integers(width), rng.integers(height), rng.integers(8, width)
            part = ink[y : y + rng.integers(1, 3), x : x + long]
            np.maximum(part, rng.uniform(40, 220), out=part)
    if rng.random() < 0.15:  # what stands above or below reaches in
        edge = slice(0, rng.integers(1, 5)) if rng.random() < 0.5 else slice(height - rng.integers(1, 5), height)
        for _ in range(int(rng.integers(1, 5))):
            x = rng.integers(width)
            ink[edge, x : x + rng.integers(2, 14)] = rng.uniform(100, 255)
    if rng.random() < 0.3:  # the pen ran dry, the paper is rough
        cells = cv2.resize(rng.random((height // 2, width // 2), np.float32), (width, height))
        ink *= np.clip(cells * rng.uniform(1.2, 4) + rng.uniform(0.2, 1), 0, 1)
    if rng.random() < 0.5:
        ink = cv2.GaussianBlur(ink, (0, 0), float(rng.uniform(0.4, 1.3)))
        ink *= 255 / max(float(np.quantile(ink, 0.995)), 80)
    ink *= rng.uniform(0.6, 1.1)
    if rng.random() < 0.3:  # grain
        grain = rng.normal(0, rng.uniform(2, 30), (height, width)).astype(np.float32)
        ink += cv2.GaussianBlur(grain, (0, 0), float(rng.uniform(0.3, 1.2)))
    for _ in range(int(rng.integers(0, 10)) if rng.random() < 0.3 else 0):  # specks
        x, y = rng.integers(width), rng.integers(height)
        ink[y : y + rng.integers(1, 4), x : x + rng.integers(1, 4)] = rng.uniform(60, 255)
    ink = np.clip(ink, 0, 255)
    if rng.random() < 0.15:
        ink = np.where(ink > rng.uniform(60, 150), 255, 0)
    return ink.astype(np.uint8)
