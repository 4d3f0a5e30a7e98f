"""A picture of a page -> how much ink there is at each of its pixels, whatever the light, the paper and the pen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.grayscale import Ink, to_grayscale
from inkdigit.imaging.page.ruling import without_rules

Map = NDArray[Any]  # of uint8; OpenCV's own types say less

LARGEST = 13_000_000  # pixels; a larger picture is shrunk by a whole factor: its digits have pixels enough
FAINT = 7  # of 255, from paper to ink: less is JPEG's
FAINTEST = 11  # of 255: what has less contrast, on average, is paper's texture
FAINTER = 0.28  # of the page's ink: what has less contrast is smudge, texture, or shows through

SURE, LOW = 8, 4  # times the paper's mean deviation: what is darker is surely ink; is ink where it goes with such
NOISY = 5  # grey levels between a pixel and its neighbours

# A drawing on a screen: pixels along its longer side, at most; the paper's share, at least; pieces of ink, at most; and
# how much of the width one takes: more may be a rule.
_SCREEN, _PLAIN, _FEW, _ACROSS = 1200, 0.6, 60, 0.75
_SAMPLE = 420  # pixels along the longer side of the sample that colours and polarity are chosen by
_COLOURED = 1.4  # how many times luma's signal a colour channel must have to be taken instead
_SURROUNDINGS = 5  # how many times the surroundings of a place, which are mostly paper, go into the longer side
_NEARBY, _CLEARLY = 17, 0.3  # the same for near surroundings; how clearly dark or bright outweighs the other there
_BROADEST = 9  # how many times the broadest stroke goes into the longer side
_ROOM = 6  # how many times as broad as a broad stroke is what is filled
_BLOCK = 16  # pixels; in blocks of so many the noise is measured
_NEAR = 5  # blocks: as far around a stroke goes what it says of how dark ink is


@dataclass(frozen=True)
class InkMap:
    """The ink of a page.

    ink: (H, W) uint8, from 0 for paper to 255 for full ink; soft edges are between. labels: (H, W), 0 for paper, and
    for each connected component of ink a number. contrast: (K,), for each of these numbers how much darker the ink is
    than the paper, as a share of what the page's ink has. grey: (H, W) uint8, the picture, where ink is dark.
    to_picture: (2, 3), the affine map from places (x, y, 1) on it to those in the picture; a pixel's middle is at
    halves. light: whether the paper is the light one.
    """

    ink: Map
    labels: NDArray[np.int32]
    contrast: NDArray[np.float64]
    grey: Map
    to_picture: NDArray[np.float64]
    light: bool

    def turned(self, quarters: int) -> InkMap:
        """The same, turned counter-clockwise by so many right angles."""
        if not quarters:
            return self
        height, width = self.ink.shape
        back = (
            np.eye(3),
            np.array([[0, -1, width], [1, 0, 0], [0, 0, 1.0]]),
            np.array([[-1, 0, width], [0, -1, height], [0, 0, 1.0]]),
            np.array([[0, 1, 0], [-1, 0, height], [0, 0, 1.0]]),
        )[quarters % 4]
        arrays: list[NDArray[Any]] = [self.ink, self.labels, self.grey]
        ink, labels, grey = (np.ascontiguousarray(np.rot90(array, quarters)) for array in arrays)
        return InkMap(ink, labels, self.contrast, grey, self.to_picture @ back, self.light)


def find_ink(picture: Image.Image, ink: Ink = "auto") -> InkMap:
    """The ink of a picture of mode L, RGB or RGBA, upright. ink: whether it is dark or bright, or to be found."""
    factor = math.ceil(math.sqrt(picture.width * picture.height / LARGEST))
    if factor > 1:
        picture = picture.reduce(factor)
    to_picture = np.array([[factor, 0.0, 0.0], [0.0, factor, 0.0]])
    if ink == "auto" and (drawing := _drawing(picture)):
        dark, light = drawing
        nothing, full = np.zeros((1, 1)), np.full((1, 1), dark.max())
        return InkMap(*_strength(dark, nothing, full), ~dark, to_picture, light)
    grey = _contrasting(picture, ink)
    light = _is_light(grey) if ink == "auto" else ink == "dark"
    grey = _smoothed(grey if light else ~grey)
    dark, paper = _flattened(grey)
    dark = without_rules(dark)
    return InkMap(*_strength(dark, *_noise_and_full(dark, paper)), grey, to_picture, light)


def _drawing(picture: Image.Image) -> tuple[Map, bool] | None:
    """How dark ink is, (H, W), on paper of exactly one colour with nothing printed, and whether that is the light one.

    So are drawings on a screen. None for another picture, which takes longer to find the ink in.
    """
    if max(picture.size) > _SCREEN:
        return None
    pixels: Map = np.asarray(picture if picture.mode == "RGB" else to_grayscale(picture, "auto"))
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    counts = np.bincount(grey.ravel(), minlength=256)
    paper = int(counts.argmax())
    if counts[paper] < _PLAIN * grey.size:
        return None
    light = float(counts @ np.arange(256)) < paper * grey.size
    dark = cv2.absdiff(grey, np.full_like(grey, paper)) if pixels.ndim == 2 else _colours_apart(pixels, grey, paper)
    _, _, stats, _ = cv2.connectedComponentsWithStats((dark > FAINT).view(np.uint8), connectivity=8)
    left, top, width, height = stats[1:, :4].T
    if len(stats) > _FEW or width.max(initial=0) > _ACROSS * grey.shape[1]:
        return None
    right, bottom = left + width, top + height
    inside = (left[:, None] < left) & (right < right[:, None]) & (top[:, None] < top) & (bottom < bottom[:, None])
    return None if inside.any() else (dark, light)  # it may be a box around a digit


def _colours_apart(pixels: Map, grey: Map, paper: int) -> Map:
    """How far each pixel's colour is from the paper's, whose grey is known: by the channel where that is most."""
    place = np.unravel_index(int((grey == paper).argmax()), grey.shape)
    apart = cv2.absdiff(pixels, np.broadcast_to(pixels[place], pixels.shape).copy())
    return np.asarray(apart.max(axis=2))


def _contrasting(picture: Image.Image, ink: Ink) -> Map:
    """The grey (H, W) in which ink stands out most from paper and its noise: luma, or one of the colours."""
    if picture.mode != "RGB":
        return np.asarray(to_grayscale(picture, ink))
    pixels = np.asarray(picture)
    sample = _sampled(pixels)
    signals = [_signal(_residual(cv2.cvtColor(sample, cv2.COLOR_RGB2GRAY))) * _COLOURED]
    signals += [_signal(_residual(np.ascontiguousarray(sample[:, :, colour]))) for colour in range(3)]
    best = int(np.argmax(signals))
    return cv2.extractChannel(pixels, best - 1) if best else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _is_light(grey: Map) -> bool:
    """Whether what stands out is dark: ink is the lesser part of the surroundings of any place.

    What stands out from near surroundings are strokes; of far ones a sheet's corners, on a dark table, are the lesser
    part too. The far ones are asked where strokes are so broad that the near ones do not tell.
    """
    sample = _sampled(grey)
    for around in (_NEARBY, _SURROUNDINGS):
        residual = _residual(sample, around)
        beyond = np.where(np.abs(residual) > 4 * _noise(residual) + FAINT, residual.astype(np.float32), 0)
        bright, total = float((beyond * np.abs(beyond)).sum()), float((beyond * beyond).sum())
        if abs(bright) > _CLEARLY * total:
            return bright <= 0
    return bright <= 0


def _sampled(pixels: Map) -> Map:
    shrink = _SAMPLE / max(pixels.shape)
    return pixels if shrink >= 1 else cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)


def _residual(grey: Map, parts: int = _SURROUNDINGS) -> NDArray[Any]:
    """What is left of each pixel less the median of its surroundings, which go `parts` times into the longer side."""
    around = max(3, max(grey.shape) // parts | 1)
    return grey.astype(np.int16) - cv2.medianBlur(grey, min(around, 255))


def _signal(residual: NDArray[Any]) -> float:
    """How far what stands out most stands out, in units of the noise."""
    outstanding = np.partition(np.abs(residual), int(residual.size * 0.99), axis=None)[int(residual.size * 0.99) :]
    return float(outstanding.mean()) / (_noise(residual) + 2)


def _noise(residual: NDArray[Any]) -> float:
    return float(np.median(np.abs(residual)))


def _strength(dark: Map, noise: NDArray[Any], full: NDArray[Any]) -> tuple[Map, NDArray[np.int32], NDArray[np.float64]]:
    """How dark a page is; in blocks its noise and how dark ink is -> ink's strength, components, their contrast."""
    sure = np.maximum(SURE * noise + FAINT, 0.4 * full)
    seeds = cv2.compare(dark, _spread(sure, dark, cv2.INTER_NEAREST), cv2.CMP_GT)
    ink = _level(dark, seeds)
    low = np.maximum(np.maximum(LOW * noise + FAINT / 2, 0.25 * full), 0.7 * FAINTER * ink)
    strength = cv2.subtract(dark, _spread(low, dark))
    strength = cv2.divide(strength, _spread(np.maximum(0.75 * full - low, 8), dark), scale=255)
    number, labels = _components((strength > 0).view(np.uint8))
    kept = np.zeros(number, np.uint8)
    kept[labels[seeds > 0]] = 255
    contrast = _contrast(dark, labels, number)
    kept[contrast < max(FAINTER * ink, FAINTEST)] = 0
    kept[0] = 0
    return cv2.bitwise_and(strength, kept[labels]), labels, contrast / max(ink, 1)


def _smoothed(grey: Map) -> Map:
    """Less its noise, where there is much."""
    step = max(1, len(grey) // 40)  # bands of it tell as much as all
    bands = np.concatenate([grey[k : k + 12] for k in range(0, len(grey), 4 * step)])
    noise = float(np.median(cv2.absdiff(bands, cv2.blur(bands, (3, 3)))))
    if noise < NOISY / 2 and max(grey.shape) < 1200:
        return grey
    return cv2.blur(grey, (3, 3)) if noise < NOISY else cv2.GaussianBlur(grey, (5, 5), 0)


def _level(dark: Map, seeds: Map) -> float:
    """How dark the ink of a page is: of the components that are surely no paper, those that stand out most.

    What comes in from the edge of the picture, as a finger or a table does, does not count. 0 where there is none.
    """
    number, labels = _components(seeds)
    contrast = _contrast(dark, labels, number)
    weight = np.bincount(labels[seeds > 0], minlength=number) * contrast**2
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        weight[edge] /= 100
    order = np.argsort(contrast)
    return float(contrast[order][np.searchsorted(weight[order].cumsum(), weight.sum() / 2)]) if number > 1 else 0.0


def _components(mask: Map) -> tuple[int, NDArray[np.int32]]:
    number, labels = cv2.connectedComponents(mask, connectivity=8)
    return number, np.asarray(labels, np.int32)


def _contrast(dark: Map, labels: NDArray[np.int32], number: int) -> NDArray[np.float64]:
    """The mean darkness of each of a number of components; of the first, which is paper, 0."""
    inside = labels > 0
    label = labels[inside]
    return np.bincount(label, dark[inside], number) / np.maximum(np.bincount(label, minlength=number), 1)


def _spread(blocks: NDArray[Any], over: Map, between: int = cv2.INTER_LINEAR) -> Map:
    """A value for each block -> one for each pixel."""
    return cv2.resize(blocks.clip(0, 255).astype(np.uint8), over.shape[::-1], interpolation=between)


def _flattened(grey: Map) -> tuple[Map, Map]:
    """How much darker than the paper each pixel is, whatever the light, which multiplies; and the paper."""
    shrink = max(1, max(grey.shape) // 800)
    small = cv2.resize(grey, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    small = cv2.medianBlur(small, 3)
    side = max(5, max(small.shape) // _BROADEST | 1)
    paper = _paper(small, side)
    needed = round(_ROOM * _broad(cv2.bitwise_not(cv2.divide(small, paper, scale=255)))) | 1
    if needed < side // 2:  # the less is filled, the less of a shadow's corners is taken for ink
        paper = _paper(small, max(needed, 5))
    paper = cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.bitwise_not(cv2.divide(grey, paper, scale=255)), paper


def _broad(dark: Map) -> float:
    """How broad broad strokes are, in pixels: nearly all of the ink's length is narrower."""
    ink = (dark > 0.4 * np.quantile(dark, 0.998)).view(np.uint8)
    inside = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    middle = inside[(inside > 0) & (inside == cv2.dilate(inside, np.ones((3, 3), np.uint8)))]
    return 2 * float(np.quantile(middle, 0.93)) if middle.size else 0.0


def _paper(small: Map, side: int) -> Map:
    """What a picture would be without ink.

    A closing fills what is narrower than `side` pixels, and keeps the edges of shadows. What it leaves there is a
    pixel's blur: the darker of neighbours is the paper's.
    """
    # Beyond the picture's edge the light goes on as it did.
    wide = np.pad(small.astype(np.int16), side, mode="reflect", reflect_type="odd")
    filled = cv2.dilate(wide.clip(0, 255).astype(np.uint8), np.ones((side, side), np.uint8))
    filled = cv2.erode(filled, np.ones((side + 2, side + 2), np.uint8))[side:-side, side:-side]
    # Noise has raised it: half of what is paper lies below paper.
    above = cv2.subtract(filled, small)
    above = np.minimum(cv2.medianBlur(above, min(side, 255)), np.uint8(np.median(above)) + np.uint8(6))
    return np.maximum(cv2.subtract(filled, above), 1)


def _noise_and_full(dark: Map, paper: Map) -> tuple[NDArray[Any], NDArray[Any]]:
    """In blocks of the map: the paper's mean deviation, and how dark ink is where there is any near."""
    height, width = dark.shape
    size = max(1, -(-width // _BLOCK)), max(1, -(-height // _BLOCK))
    lit = np.maximum(cv2.resize(paper, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255, 0.02)
    # Where a line fills the picture, there is ink in every block: what is much darker than most is none of the noise.
    usual = float(np.median(dark[::4, ::4] * (paper[::4, ::4] / np.float32(255))))
    mean = cv2.min(dark, _spread((4 * usual + FAINT) / lit, dark, cv2.INTER_NEAREST))
    mean = cv2.resize(mean, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # A camera's noise is the same in the dark. Where there is more, it is texture if there is as much all around.
    camera = (1.25 * float(np.quantile(mean * lit, 0.25)) + 0.3) / lit
    texture = cv2.erode(mean, np.ones((3, 3), np.uint8))
    texture = np.minimum(texture, (2 * float(np.median(texture * lit)) + 1) / lit)  # more is a very broad stroke
    noise = cv2.blur(np.maximum(texture, np.minimum(np.asarray(cv2.medianBlur(mean, 5)), camera)), (5, 5))
    least = cv2.resize(dark, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)
    least = cv2.dilate(least, np.ones((_BLOCK // 2, _BLOCK // 2), np.uint8))
    full = cv2.resize(least, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    full = cv2.blur(cv2.dilate(full, np.ones((_NEAR, _NEAR), np.uint8)), (3, 3))
    return noise, full
