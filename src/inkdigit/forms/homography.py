"""The homography between a form's page and a picture of it: points and areas of the page, seen from above."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.forms.template import Rectangle

Points = NDArray[np.float64]  # (N, 2)
Matrix = NDArray[np.float64]  # (3, 3): mm on the page -> pixels of the picture


def from_corners(page: Points, seen: Points) -> Matrix:
    """Four corners on the page, (4, 2) in mm, and where they are in the picture -> the homography."""
    return np.asarray(cv2.getPerspectiveTransform(page.astype(np.float32), seen.astype(np.float32)), np.float64)


def placed(matrix: Matrix, points: Points) -> Points:
    """Points of the page, (N, 2) in mm -> where they are in the picture, (N, 2) in pixels."""
    return np.asarray(cv2.perspectiveTransform(points[None], matrix)[0], np.float64)


def rectified(picture: NDArray[np.uint8], matrix: Matrix, area: Rectangle, scale: float) -> NDArray[np.uint8]:
    """A picture -> an area of the page in it, in mm, as seen straight from above, at `scale` pixels per mm."""
    x, y, width, height = area
    size = round(width * scale), round(height * scale)
    # The centre of pixel (0, 0) is half a pixel from the area's corner.
    to_page = np.array([[1 / scale, 0, x + 0.5 / scale], [0, 1 / scale, y + 0.5 / scale], [0, 0, 1]])
    shrinking = np.sqrt(abs(np.linalg.det((matrix @ to_page)[:2, :2])))
    flags = (cv2.INTER_AREA if shrinking > 1.5 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(picture, matrix @ to_page, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
