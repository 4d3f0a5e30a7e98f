"""A photo or scan of a form -> where its page lies.

The printed marks, the page's edges, and the picture as a whole propose places. What the template says is printed,
marks and boxes, then scores the places, shows which way up the page lies, and corrects the best place.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from inkdigit.errors import InkdigitError
from inkdigit.forms.homography import Matrix, Points, from_corners, placed, rectified
from inkdigit.forms.printed import Grey, corners, drawn, landmarks, matches, paper_darkness, straight_lines
from inkdigit.forms.template import Template
from inkdigit.imaging.page.paper import resize_by

SEARCH_SIZE = 1600  # pixels along the longer side of the picture in which a form is looked for
MAX_SQUARES = 16  # the largest filled squares of a picture, which are tried as marks
# Correlations with what is printed: from the first on no other place is tried; below the second the form is not there.
SURE_SCORE, MIN_SCORE = 0.65, 0.5
MIN_PART_SCORE = 0.4  # correlation of a single mark or box, from which on it counts as found
MAX_SIDE_RATIO = 1.6  # how many times longer one side of a page may look than the opposite one
MAX_ASPECT_ERROR = 1.05  # ratio of a picture's proportions to the page's, for a scan of the page
# Rounds of correction: the blur in mm, and the search radius as a share of the page's longer side.
CORRECTION_ROUNDS = ((0.9, 0.03), (0.4, 0.012), (0.25, 0.006))


@dataclass(frozen=True)
class _Place:
    matrix: Matrix
    score: float


def locate(picture: Grey, template: Template, name: str) -> Matrix:
    """A picture of a form -> the homography from mm on its page to pixels.

    Args:
        picture: (H, W) uint8, grey.
        template: the form.
        name: what to call the picture in an error.

    Raises:
        InkdigitError: the form is not found, or a field is cut off.
    """
    factor = max(1.0, max(picture.shape) / SEARCH_SIZE)
    small = resize_by(picture, 1 / factor)
    matrix = _best(np.asarray(small, np.uint8), template, name)
    # Centres of pixels, not their corners, keep their places when a picture is resized.
    enlarged = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1]])
    matrix = enlarged @ matrix
    _check_whole(picture, template, matrix, name)
    return matrix


def _best(small: Grey, template: Template, name: str) -> Matrix:
    ways = (_by_marks, _by_edges, _by_proportions)
    if not landmarks(template):
        # Nothing printed can score places: the first one that fits the page upright is taken.
        places = (matrix for way in ways[1:] for matrix in way(small, template) if _upright(matrix, template))
        if (first := next(places, None)) is not None:
            return first
        message = f"{name} does not show the whole page upright: photograph it with all its edges."
        raise InkdigitError(message, code="form-not-upright")
    best = _Place(np.eye(3), 0.0)
    for way in ways:
        places = [_scored(small, template, matrix, CORRECTION_ROUNDS[:1]) for matrix in way(small, template)]
        # The first round cannot distinguish a page from itself upside down if its print is similar both ways.
        for place in sorted(places, key=lambda place: place.score, reverse=True)[:3]:
            best = max(
                best, _scored(small, template, place.matrix, CORRECTION_ROUNDS[1:]), key=lambda place: place.score
            )
        if best.score >= SURE_SCORE:
            break
    if best.score < MIN_SCORE:
        seen = "its four corner marks" if template.marks else "all four edges of the page"
        message = f"{name}: the form was not found in it: photograph the whole form, with {seen}, from above."
        raise InkdigitError(message, code="form-not-found")
    return best.matrix


def _scored(small: Grey, template: Template, matrix: Matrix, rounds: Sequence[tuple[float, float]]) -> _Place:
    """A place, corrected by what is printed; its score is how well it agrees with that."""
    scale = min(4.0, 1200 / max(template.page))
    expected = drawn(template, (0, 0, *template.page), scale)
    parts = landmarks(template)
    centres = np.array([(x + width / 2, y + height / 2) for x, y, width, height in parts])
    widest = 1.5 * template.marks.size if template.marks else 4.0
    score = 0.0
    for blur, radius in rounds:
        flat = rectified(small, matrix, (0, 0, *template.page), scale)
        seen = straight_lines(paper_darkness(flat, scale, widest), scale)
        found = list(matches(seen, expected, parts, scale, radius * max(template.page), blur))
        score = float(np.mean([match.score for match in found]))
        good = np.array([match.score > MIN_PART_SCORE for match in found])
        if good.any():
            moved = centres + np.array([match.shift for match in found])
            matrix = matrix @ _correction(centres[good], moved[good], max(template.page))
    return _Place(matrix, score)


def _correction(centres: Points, moved: Points, side: float) -> Matrix:
    """The homography from mm to where they were found; only a shift where the points determine no more."""
    spread = np.linalg.svd(centres - centres.mean(axis=0), compute_uv=False)[-1] / np.sqrt(len(centres))
    if len(centres) >= 4 and spread > 0.1 * side:
        correction: Any = cv2.findHomography(centres, moved, cv2.RANSAC, 0.004 * side)[0]
        if correction is not None:  # as it is for points on one line
            return np.asarray(correction, np.float64)
    x, y = np.median(moved - centres, axis=0)
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _by_marks(small: Grey, template: Template) -> Iterator[Matrix]:
    """Places by each three filled squares that may be the marks at the right and at the bottom, and a hollow one."""
    if not template.marks:
        return
    filled, hollow = _squares(small)
    page = np.array([(x + size / 2, y + size / 2) for x, y, size, _ in corners(template)])
    wide, high = float(np.ptp(page[:, 0])), float(np.ptp(page[:, 1]))
    for three in itertools.permutations(filled[:MAX_SQUARES], 3):
        right, corner, left = (square.centre for square in three)
        along, up = corner - left, right - corner
        across, tall = float(np.linalg.norm(along)), float(np.linalg.norm(up))
        # They must go clockwise, have the page's proportions, and be similar and as large as marks should be.
        if along[0] * up[1] - along[1] * up[0] >= 0 or not _similar(across / wide, tall / high):
            continue
        sides = [square.side for square in three]
        if not _similar(min(sides), max(sides)) or not _similar(sides[1], across / wide * template.marks.size):
            continue
        expected = right + left - corner
        near = min((square.centre for square in hollow), key=lambda one: _distance(one, expected), default=expected)
        upper = near if _distance(near, expected) < 0.2 * _distance(right, left) else expected
        yield from_corners(page, np.array([upper, right, corner, left]))


def _similar(one: float, other: float) -> bool:
    """Whether two lengths differ by no more than a tilted page explains."""
    return 1 / MAX_SIDE_RATIO < one / max(other, 1e-6) < MAX_SIDE_RATIO


def _distance(one: Points, other: Points) -> float:
    return float(np.linalg.norm(one - other))


@dataclass(frozen=True)
class _Square:
    centre: Points
    side: float


def _squares(small: Grey) -> tuple[list[_Square], list[_Square]]:
    """Dark spots that may be squares: filled ones, and hollow ones, each with the largest first."""
    window = max(small.shape) // 20 | 1
    mask = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 20)
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outer = np.asarray(tree, np.int64).reshape(-1, 4)[:, 3].tolist() if contours else []  # -1, or whose hole it is
    inside = np.zeros(len(contours))  # the area of the holes in each
    for contour, around in zip(contours, outer, strict=True):
        if around >= 0:
            inside[around] += cv2.contourArea(contour)
    filled: list[_Square] = []
    hollow: list[_Square] = []
    for contour, around, holes in zip(contours, outer, inside, strict=True):
        area = cv2.contourArea(contour)
        if around >= 0 or not 30 < area < 0.01 * small.size:
            continue
        centre, sides, _ = cv2.minAreaRect(contour)
        if area > 0.7 * sides[0] * sides[1] and _similar(*sides):
            (filled if holes < 0.1 * area else hollow).append(_Square(np.array(centre), float(np.sqrt(area))))
    return sorted(filled, key=_size), sorted(hollow, key=_size)


def _size(square: _Square) -> float:
    return -square.side


def _by_edges(small: Grey, template: Template) -> Iterator[Matrix]:
    """Places by the large four-sided shapes in a picture, each in the four ways in which a page can lie."""
    for outline in _outlines(small):
        yield from _four_ways(outline, template)


def _outlines(small: Grey) -> Iterator[Points]:
    """The corners, (4, 2) clockwise, of shapes that may be a page on its background."""
    soft = cv2.GaussianBlur(small, (0, 0), 3)
    _, light = cv2.threshold(soft, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    edges = cv2.dilate(cv2.Canny(soft, 20, 60), np.ones((5, 5), np.uint8))
    for mask in (light, edges):
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:2]:
            hull = cv2.convexHull(contour)
            if cv2.contourArea(hull) < 0.15 * small.size:
                continue
            for tolerance in (0.01, 0.02, 0.03, 0.05):
                outline = cv2.approxPolyDP(hull, tolerance * cv2.arcLength(hull, closed=True), closed=True)
                if len(outline) == 4:
                    yield _clockwise(outline[:, 0].astype(np.float64))
                    break


def _clockwise(outline: Points) -> Points:
    """Four corners in the order upper left, upper right, lower right, lower left."""
    centre = outline.mean(axis=0)
    turned = outline[np.argsort(np.arctan2(*(outline - centre).T[::-1]))]
    return np.roll(turned, -int(turned.sum(axis=1).argmin()), axis=0)


def _by_proportions(small: Grey, template: Template) -> Iterator[Matrix]:
    """The picture as a whole as a place, where it has the page's proportions, as a scan has."""
    height, width = small.shape
    shape = (width / height) / (template.page[0] / template.page[1])
    turned = (height / width) / (template.page[0] / template.page[1])
    if any(1 / MAX_ASPECT_ERROR < one < MAX_ASPECT_ERROR for one in (shape, turned)):
        whole = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64) - 0.5
        yield from _four_ways(whole, template)


def _four_ways(outline: Points, template: Template) -> Iterator[Matrix]:
    width, height = template.page
    page = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    across = np.linalg.norm(outline[1] - outline[0]) + np.linalg.norm(outline[2] - outline[3])
    down = np.linalg.norm(outline[3] - outline[0]) + np.linalg.norm(outline[2] - outline[1])
    for turns in range(4):
        shape = float(across / down if turns % 2 == 0 else down / across) / (width / height)
        if _similar(shape, 1):
            yield from_corners(page, np.roll(outline, -turns, axis=0))


def _upright(matrix: Matrix, template: Template) -> bool:
    width, height = template.page
    across, down = placed(matrix, np.array([(0.0, 0.0), (width, 0.0), (0.0, height)]))[1:] - placed(
        matrix, np.zeros((1, 2))
    )
    return bool(across[0] > abs(across[1]) and down[1] > abs(down[0]))


def _check_whole(picture: Grey, template: Template, matrix: Matrix, name: str) -> None:
    """Raise InkdigitError where a field is not in the picture, or not all of it."""
    height, width = picture.shape
    for field in template.fields:
        x, y, across, down = field.box
        ends = placed(matrix, np.array([(x, y), (x + across, y), (x + across, y + down), (x, y + down)]))
        if ends.min() < -1 or ends[:, 0].max() > width or ends[:, 1].max() > height:
            problem = f'the field "{field.name}" is cut off at the edge of the picture'
            raise InkdigitError(f"{name}: {problem}: photograph the whole form.", code="form-cut-off")
