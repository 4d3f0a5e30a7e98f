"""What light and a camera do to a page."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.synth.paper import clouds, grains

Picture = NDArray[np.float32]  # (H, W, 3), 0 to 255


def view(size: tuple[int, int], hardships: frozenset[str], rng: np.random.Generator) -> NDArray[np.float64]:
    """The 3x3 homography from a page of `size` (width, height) to the picture, with the page's centre at 0."""
    turn = rng.normal(0, 0.004)
    if "skewed-lines" in hardships:
        turn += rng.choice([-1, 1]) * np.radians(rng.uniform(2, 8))
    matrix = np.eye(3)
    matrix[:2, :2] = [(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))]
    if "perspective" in hardships:
        tilt = rng.uniform(0.05, 0.13, 2) * rng.choice([-1, 1], 2)
        tilt[rng.integers(2)] *= rng.uniform(0, 1)
        lens = np.eye(3)
        lens[2, :2] = tilt / (max(size) / 2)
        matrix = lens @ matrix
    return matrix


def light(shape: tuple[int, int], hardships: frozenset[str], rng: np.random.Generator) -> NDArray[np.float32]:
    """The light on a page, (H, W, 3) float32, as a factor; 1 is full light."""
    small = max(shape[0] // 8, 2), max(shape[1] // 8, 2)
    y, x = np.ogrid[-1 : 1 : small[0] * 1j, -1 : 1 : small[1] * 1j]
    bright = np.ones(small, np.float32)
    cast = np.ones(3)
    if "uneven-light" in hardships:
        angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.3)
        bright *= 1 - fall * (1 + x * np.cos(angle) + y * np.sin(angle)) / 2
        bright *= 1 - rng.uniform(0, 0.15) * (x * x + y * y)
        bright *= rng.uniform(0.6, 1.02)
        cast = 1 + np.array([1, 0, -1]) * rng.normal(0, 0.04)
    if "soft-shadow" in hardships:
        angle, edge = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5)
        side = x * np.cos(angle) + y * np.sin(angle) - edge + 0.15 * clouds(small, 3, rng)
        bright *= 1 - rng.uniform(0.3, 0.55) / (1 + np.exp(-side * rng.uniform(6, 14)))
    bright = cv2.resize(bright, shape[::-1], interpolation=cv2.INTER_LINEAR)
    if "hard-shadow" in hardships:
        bright *= _hard_shadow(shape, rng)
    bright = np.maximum(bright, 0.35)  # people can still read in shadows within shadows
    return (bright[..., None] * cast.astype(np.float32)).astype(np.float32)


def _hard_shadow(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """The shadow of something with straight edges, such as a phone, as a factor (H, W)."""
    size = np.array(shape[::-1])
    angle = rng.uniform(0, 2 * np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    start = size * rng.uniform(0.3, 0.7, 2)
    reach, width = 2 * size.max(), size.max() * rng.uniform(0.2, 0.6)
    lean = across * rng.uniform(-0.1, 0.1) * reach
    corners = [start, start + across * width, start + across * width + along * reach + lean, start + along * reach]
    mask = np.zeros(shape, np.float32)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1.0, cv2.LINE_8)
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.0008, 0.004) * size.max() + 0.6)
    return 1 - np.float32(rng.uniform(0.35, 0.6)) * np.asarray(soft, np.float32)


def expose(picture: Picture, smallest: int, hardships: frozenset[str], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture (H, W, 3) float32 -> what the camera stores, uint8. Digits `smallest` pixels high stay legible."""
    if "blur" in hardships:
        picture = _blurred(picture, rng.uniform(0.8, max(0.9, min(5, 0.045 * smallest))), rng)
    elif hardships.intersection(("uneven-light", "camera-noise", "perspective")):
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 0.7)), np.float32)
    if "camera-noise" in hardships:
        spread = rng.uniform(4, 12 if smallest > 24 else 7)
        shape = picture.shape[0], picture.shape[1]
        noise = grains(shape, rng.uniform(0.4, 0.8), rng) * np.float32(spread)
        picture += noise[..., None]
        # Colour noise is coarser; what one channel gains another loses.
        colour = grains(shape, 1.5, rng) * np.float32(0.35 * spread)
        picture[..., 0] += colour
        picture[..., 2] -= colour
    levels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if "jpeg-artefacts" in hardships:
        quality = int(rng.integers(12, 45)) if smallest > 30 else int(rng.integers(30, 60))
        _, packed = cv2.imencode(".jpg", levels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        levels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    return np.ascontiguousarray(levels)


def _blurred(picture: Picture, spread: float, rng: np.random.Generator) -> Picture:
    """Blur a picture: out of focus, or moved while it was taken."""
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), spread), np.float32)
    side = 2 * int(2 * spread) + 3
    kernel = np.zeros((side, side), np.float32)
    middle, angle = side // 2, rng.uniform(0, np.pi)
    reach = 1.7 * spread * np.array([np.cos(angle), np.sin(angle)])
    ends = np.round((middle + np.array([-reach, reach])) * 16).astype(int).tolist()
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_8, 4)
    kernel = cv2.GaussianBlur(kernel, (0, 0), 0.4)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.float32)
