"""A picture of a page -> how much ink there is at each of its pixels, whatever the light, the paper and the pen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.grayscale import Ink, clearest_channel, to_grayscale
from inkdigit.imaging.page.paper import Map, flatten_light, resize_by
from inkdigit.imaging.page.ruling import without_rules

MAX_MAP_PIXELS = 13_000_000  # a larger picture is shrunk by a whole factor: its digits still have enough pixels
JPEG_NOISE = 7  # of 255, from paper to ink: what has less contrast comes from JPEG
MIN_INK_CONTRAST = 11  # of 255: a component with less contrast, on average, is the paper's texture
MIN_RELATIVE_CONTRAST = 0.28  # of the page's ink: a component with less is smudge, texture, or shows through

# Hysteresis thresholds, in units of the paper's mean deviation: a pixel above the first is ink; a pixel above the
# second is ink where it touches such a one.
SEED_FACTOR, EDGE_FACTOR = 8, 4
NOISY = 5  # grey levels between a pixel and its neighbours, from which on a picture is noisy

# A drawing on a screen has at most this many pixels along its longer side, at least this share of paper, at most this
# many components of ink, and none wider than this share of its width, which may be a printed line.
_SCREEN_SIZE, _MIN_PAPER_SHARE, _MAX_COMPONENTS, _MAX_WIDTH_SHARE = 1200, 0.6, 60, 0.75
_SAMPLE_SIZE = 420  # pixels along the longer side of the sample by which colour channel and polarity are chosen
_CHANNEL_ADVANTAGE = 1.4  # how many times luma's signal a colour channel must have to be used instead
# The longer side divided by these is the window whose median is paper: a wide one, and a near one; and how clearly
# dark must outweigh bright, or the other way round, in the near one.
_WIDE_DIVISOR, _NEAR_DIVISOR, _CLEAR_SHARE = 5, 17, 0.3
_BLOCK = 16  # pixels of each side of the blocks in which noise is measured
_INK_REACH = 5  # blocks: how far around a stroke its darkness is taken for that of ink


@dataclass(frozen=True)
class InkMap:
    """The ink of a page.

    Attributes:
        ink: (H, W) uint8, from 0 for paper to 255 for full ink; soft edges are between.
        labels: (H, W) int32, 0 for paper, and a number for each connected component of ink.
        contrast: (K,), for each of these numbers how much darker than paper the component is, as a share of what the
            page's ink has.
        grey: (H, W) uint8, the picture, where ink is dark.
        to_picture: (2, 3), the affine map from places (x, y, 1) here to places in the picture; the middle of a pixel
            is at halves.
        light_paper: whether the paper is the light side.
        shadows: for the components already looked at, by label, whether they are shadows; the same in all rotations.
    """

    ink: Map
    labels: NDArray[np.int32]
    contrast: NDArray[np.float64]
    grey: Map
    to_picture: NDArray[np.float64]
    light_paper: bool
    shadows: dict[int, bool] = field(default_factory=dict[int, bool])

    def part(self, top: int, bottom: int, left: int, right: int) -> InkMap:
        """The ink of some rows and columns; components cut in two keep their labels."""
        ink, labels, grey = (array[top:bottom, left:right] for array in (self.ink, self.labels, self.grey))
        shift = np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
        return InkMap(ink, labels, self.contrast, grey, self.to_picture @ shift, self.light_paper)

    def turned(self, quarters: int) -> InkMap:
        """The same ink, turned counter-clockwise by this number of right angles."""
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
        return InkMap(ink, labels, self.contrast, grey, self.to_picture @ back, self.light_paper, self.shadows)


def find_ink(picture: Image.Image, ink: Ink = "auto") -> InkMap:
    """An upright picture of mode L, RGB or RGBA -> its ink, in any light, on any paper, of any pen.

    Args:
        picture: the picture of a page.
        ink: whether ink is the dark or the bright side; "auto" finds out from the picture.
    """
    factor = math.ceil(math.sqrt(picture.width * picture.height / MAX_MAP_PIXELS))
    if factor > 1:
        picture = picture.reduce(factor)
    to_picture = np.array([[factor, 0.0, 0.0], [0.0, factor, 0.0]])
    if ink == "auto" and (drawing := _drawing(picture)):
        dark, light_paper = drawing
        no_noise, full = np.zeros((1, 1)), np.full((1, 1), dark.max())
        return InkMap(*_strength(dark, no_noise, full), ~dark, to_picture, light_paper)
    grey = _contrasting(picture, ink)
    light_paper = _has_light_paper(grey) if ink == "auto" else ink == "dark"
    grey = _smoothed(grey if light_paper else ~grey)
    dark, paper = flatten_light(grey)
    dark = without_rules(dark)
    return InkMap(*_strength(dark, *_noise_and_full(dark, paper)), grey, to_picture, light_paper)


def _drawing(picture: Image.Image) -> tuple[Map, bool] | None:
    """A drawing on a screen -> how dark its ink is, (H, W), and whether its paper is the light side.

    A drawing is small and has paper of exactly one colour with nothing printed on it. None for another picture, in
    which finding the ink takes longer.
    """
    if max(picture.size) > _SCREEN_SIZE:
        return None
    pixels: Map = np.asarray(picture if picture.mode == "RGB" else to_grayscale(picture, "auto"))
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    counts = np.bincount(grey.ravel(), minlength=256)
    paper = int(counts.argmax())
    if counts[paper] < _MIN_PAPER_SHARE * grey.size:
        return None
    light_paper = float(counts @ np.arange(256)) < paper * grey.size
    dark = cv2.absdiff(grey, np.full_like(grey, paper)) if pixels.ndim == 2 else _colour_distance(pixels, grey, paper)
    _, _, stats, _ = cv2.connectedComponentsWithStats((dark > JPEG_NOISE).view(np.uint8), connectivity=8)
    left, top, width, height = stats[1:, :4].T
    if len(stats) > _MAX_COMPONENTS or width.max(initial=0) > _MAX_WIDTH_SHARE * grey.shape[1]:
        return None
    right, bottom = left + width, top + height
    inside = (left[:, None] < left) & (right < right[:, None]) & (top[:, None] < top) & (bottom < bottom[:, None])
    return None if inside.any() else (dark, light_paper)  # one inside another may be a digit in a printed box


def _colour_distance(pixels: Map, grey: Map, paper: int) -> Map:
    """How far each pixel's colour is from the paper's, whose grey is known: in the channel that differs most."""
    place = np.unravel_index(int((grey == paper).argmax()), grey.shape)
    distance = cv2.absdiff(pixels, np.broadcast_to(pixels[place], pixels.shape).copy())
    return np.asarray(distance.max(axis=2))


def _contrasting(picture: Image.Image, ink: Ink) -> Map:
    """The grey (H, W) in which ink stands out most from paper and its noise: luma, or one of the colour channels."""
    if picture.mode != "RGB":
        return np.asarray(to_grayscale(picture, ink))
    pixels = np.asarray(picture)
    sample = _sampled(pixels)
    luma = _signal(_residual(cv2.cvtColor(sample, cv2.COLOR_RGB2GRAY)))
    channels = [_signal(_residual(np.ascontiguousarray(sample[:, :, channel]))) for channel in range(3)]
    channel = clearest_channel(luma, channels, _CHANNEL_ADVANTAGE)
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if channel is None else cv2.extractChannel(pixels, channel)


def _has_light_paper(grey: Map) -> bool:
    """Whether what stands out is dark: ink is the smaller part of the surroundings of any place.

    In near surroundings only strokes stand out; in wide ones the corners of a sheet on a dark table do too. The wide
    ones decide where strokes are so broad that the near ones are undecided.
    """
    sample = _sampled(grey)
    for divisor in (_NEAR_DIVISOR, _WIDE_DIVISOR):
        residual = _residual(sample, divisor)
        outstanding = np.where(np.abs(residual) > 4 * _noise(residual) + JPEG_NOISE, residual.astype(np.float32), 0)
        bright, total = float((outstanding * np.abs(outstanding)).sum()), float((outstanding * outstanding).sum())
        if abs(bright) > _CLEAR_SHARE * total:
            return bright <= 0
    return bright <= 0


def _sampled(pixels: Map) -> Map:
    scale = _SAMPLE_SIZE / max(pixels.shape)
    return pixels if scale >= 1 else resize_by(pixels, scale)


def _residual(grey: Map, divisor: int = _WIDE_DIVISOR) -> NDArray[Any]:
    """Each pixel minus the median of its surroundings: a window of the longer side divided by `divisor`."""
    window = max(3, max(grey.shape) // divisor | 1)
    return grey.astype(np.int16) - cv2.medianBlur(grey, min(window, 255))


def _signal(residual: NDArray[Any]) -> float:
    """How far the top hundredth of the pixels stands out, in units of the noise."""
    outstanding = np.partition(np.abs(residual), int(residual.size * 0.99), axis=None)[int(residual.size * 0.99) :]
    return float(outstanding.mean()) / (_noise(residual) + 2)


def _noise(residual: NDArray[Any]) -> float:
    return float(np.median(np.abs(residual)))


def _strength(dark: Map, noise: NDArray[Any], full: NDArray[Any]) -> tuple[Map, NDArray[np.int32], NDArray[np.float64]]:
    """A page's darkness -> the strength of its ink (H, W), its components' labels, and their contrasts.

    noise, full: for each block of the page, the paper's mean deviation and the darkness of full ink.
    """
    seed_threshold = np.maximum(SEED_FACTOR * noise + JPEG_NOISE, 0.4 * full)
    seeds = cv2.compare(dark, _to_pixels(seed_threshold, dark, cv2.INTER_NEAREST), cv2.CMP_GT)
    ink_level = _ink_level(dark, seeds)
    edge_threshold = np.maximum(
        np.maximum(EDGE_FACTOR * noise + JPEG_NOISE / 2, 0.25 * full), 0.7 * MIN_RELATIVE_CONTRAST * ink_level
    )
    strength = cv2.subtract(dark, _to_pixels(edge_threshold, dark))
    strength = cv2.divide(strength, _to_pixels(np.maximum(0.75 * full - edge_threshold, 8), dark), scale=255)
    count, labels = _components((strength > 0).view(np.uint8))
    kept = np.zeros(count, np.uint8)
    kept[labels[seeds > 0]] = 255
    contrast = _contrast(dark, labels, count)
    kept[contrast < max(MIN_RELATIVE_CONTRAST * ink_level, MIN_INK_CONTRAST)] = 0
    kept[0] = 0
    return cv2.bitwise_and(strength, kept[labels]), labels, contrast / max(ink_level, 1)


def _smoothed(grey: Map) -> Map:
    """A picture with its noise blurred away, where there is much."""
    step = max(1, len(grey) // 40)  # a few bands of the picture are enough
    bands = np.concatenate([grey[k : k + 12] for k in range(0, len(grey), 4 * step)])
    noise = float(np.median(cv2.absdiff(bands, cv2.blur(bands, (3, 3)))))
    if noise < NOISY / 2 and max(grey.shape) < 1200:
        return grey
    return cv2.blur(grey, (3, 3)) if noise < NOISY else cv2.GaussianBlur(grey, (5, 5), 0)


def _ink_level(dark: Map, seeds: Map) -> float:
    """How dark the ink of a page is: the weighted median contrast of its seeds; 0 where there are none.

    What reaches in from the picture's border, such as a finger or a table, has little weight.
    """
    count, labels = _components(seeds)
    contrast = _contrast(dark, labels, count)
    weight = np.bincount(labels[seeds > 0], minlength=count) * contrast**2
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        weight[edge] /= 100
    order = np.argsort(contrast)
    return float(contrast[order][np.searchsorted(weight[order].cumsum(), weight.sum() / 2)]) if count > 1 else 0.0


def _components(mask: Map) -> tuple[int, NDArray[np.int32]]:
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    return count, np.asarray(labels, np.int32)


def _contrast(dark: Map, labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """The mean darkness of each component, (count,); the first, which is paper, has 0."""
    inside = labels > 0
    label = labels[inside]
    return np.bincount(label, dark[inside], count) / np.maximum(np.bincount(label, minlength=count), 1)


def _to_pixels(blocks: NDArray[Any], dark: Map, interpolation: int = cv2.INTER_LINEAR) -> Map:
    """A value for each block -> one for each pixel of `dark`, (H, W) uint8."""
    return cv2.resize(blocks.clip(0, 255).astype(np.uint8), dark.shape[::-1], interpolation=interpolation)


def _noise_and_full(dark: Map, paper: Map) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each block of a page: the paper's mean deviation, and how dark ink is where there is any near."""
    height, width = dark.shape
    size = max(1, -(-width // _BLOCK)), max(1, -(-height // _BLOCK))
    light = np.maximum(cv2.resize(paper, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255, 0.02)
    # Where a line fills the picture, every block has ink: pixels much darker than most are not noise.
    usual = float(np.median(dark[::4, ::4] * (paper[::4, ::4] / np.float32(255))))
    mean = cv2.min(dark, _to_pixels((4 * usual + JPEG_NOISE) / light, dark, cv2.INTER_NEAREST))
    mean = cv2.resize(mean, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # A camera's noise is the same in the dark. Where there is more, it is texture if there is as much all around.
    camera = (1.25 * float(np.quantile(mean * light, 0.25)) + 0.3) / light
    texture = cv2.erode(mean, np.ones((3, 3), np.uint8))
    texture = np.minimum(texture, (2 * float(np.median(texture * light)) + 1) / light)  # more is a very broad stroke
    noise = cv2.blur(np.maximum(texture, np.minimum(np.asarray(cv2.medianBlur(mean, 5)), camera)), (5, 5))
    half = cv2.resize(dark, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)
    darkest = cv2.dilate(half, np.ones((_BLOCK // 2, _BLOCK // 2), np.uint8))
    full = cv2.resize(darkest, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    full = cv2.blur(cv2.dilate(full, np.ones((_INK_REACH, _INK_REACH), np.uint8)), (3, 3))
    return noise, full
