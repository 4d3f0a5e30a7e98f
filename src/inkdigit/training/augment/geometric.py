"""Random geometric changes of training images."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging import IMAGE_SIZE
from inkdigit.training.augment.pen import redraw
from inkdigit.training.augment.rare_styles import draw_digits
from inkdigit.training.config import Settings

CONTROL_POINTS = 4  # the elastic field is a smooth surface through a grid of 4x4 random displacements
MAX_WARPED_AT_ONCE = 1000  # OpenCV's remap takes at most 32,767 rows


def augment(
    images: NDArray[np.uint8], digits: NDArray[np.integer], settings: Settings, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Rotate, shear, zoom, shift and slightly bend each image at random.

    One bilinear resampling does it all, so that nothing is blurred twice. The elastic field follows Simard, Steinkraus
    and Platt (2003), with cubic splines through a coarse grid in place of their Gaussian.

    Args:
        images: (N, 28, 28) uint8.
        digits: (N,), what they show.
        settings: how far each change may go. First the share `other_styles` of the images is replaced by drawn images
            of the same digit; at the end the share `real_ink` is redrawn with another pen.
        rng: draws every change.

    Returns:
        (N, 28, 28) uint8.
    """
    if len(images) > MAX_WARPED_AT_ONCE:
        halves = zip(np.array_split(images, 2), np.array_split(digits, 2), strict=True)
        return np.concatenate([augment(*half, settings, rng) for half in halves])
    if settings.other_styles:
        chosen = rng.random(len(images)) < settings.other_styles
        images = images.copy()
        images[chosen] = draw_digits(digits[chosen], rng)
    maps = _affine(len(images), settings, rng)
    if settings.elastic:
        maps += _elastic(len(images), settings.elastic, rng)
    changed = _resample(images, maps)
    if settings.real_ink:
        chosen = rng.random(len(images)) < settings.real_ink
        changed[chosen] = redraw(changed[chosen], rng)
    return changed


def _affine(count: int, settings: Settings, rng: np.random.Generator) -> NDArray[np.float32]:
    """The place that each output pixel is read from: (N, 784, 2) float32, x and y in pixels."""
    angle = np.radians(rng.uniform(-settings.rotation, settings.rotation, count))
    shear = rng.uniform(-settings.shear, settings.shear, count)
    scale_x, scale_y = np.exp(rng.uniform(-settings.zoom, settings.zoom, (2, count)))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.empty((count, 2, 2), np.float32)
    matrix[:, 0, 0] = cos * scale_x
    matrix[:, 0, 1] = (shear * cos - sin) * scale_y
    matrix[:, 1, 0] = sin * scale_x
    matrix[:, 1, 1] = (shear * sin + cos) * scale_y
    shift = rng.uniform(-settings.shift, settings.shift, (count, 1, 2)).astype(np.float32)
    shift += (IMAGE_SIZE - 1) / 2
    return _centred_grid() @ matrix.transpose(0, 2, 1) + shift


def _elastic(count: int, pixels: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random displacement of each pixel, (N, 784, 2) float32; `pixels` is its spread at a control point."""
    knots = rng.normal(0, pixels, (count, CONTROL_POINTS**2, 2)).astype(np.float32)
    return _spline() @ knots


def _resample(images: NDArray[np.uint8], maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    # One remap of all images as one tall picture is far cheaper than a call each. A row of paper above and below each
    # tile, and coordinates that stop there, keep neighbours apart.
    count = len(images)
    tall = np.zeros((count, IMAGE_SIZE + 2, IMAGE_SIZE), np.uint8)
    tall[:, 1:-1] = images
    rows = np.clip(maps[..., 1], -1, IMAGE_SIZE) + 1
    rows += np.arange(count, dtype=np.float32)[:, None] * (IMAGE_SIZE + 2)
    columns = np.ascontiguousarray(maps[..., 0]).reshape(-1, IMAGE_SIZE)
    flat = tall.reshape(-1, IMAGE_SIZE)
    out = cv2.remap(flat, columns, rows.reshape(-1, IMAGE_SIZE), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(out, np.uint8).reshape(count, IMAGE_SIZE, IMAGE_SIZE)


@cache
def _centred_grid() -> NDArray[np.float32]:
    """The coordinates of the pixels from the centre, (784, 2): x, y."""
    axis = np.arange(IMAGE_SIZE, dtype=np.float32) - (IMAGE_SIZE - 1) / 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], 1)


@cache
def _spline() -> NDArray[np.float32]:
    """Weights (784, 16) that carry the control points' displacements to the pixels."""
    unit = np.eye(CONTROL_POINTS, dtype=np.float32)
    along = np.stack([cv2.resize(row[None], (IMAGE_SIZE, 1), interpolation=cv2.INTER_CUBIC)[0] for row in unit], 1)
    return np.kron(along, along).astype(np.float32)
