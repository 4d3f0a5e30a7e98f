"""Components of a mask, beside OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inkdigit.imaging.components import find_components


@pytest.mark.parametrize("density", [0.02, 0.2, 0.4, 0.6, 0.95])
def test_components_are_the_same_as_opencvs(rng: np.random.Generator, density: float):
    for shape in [(1, 1), (1, 40), (40, 1), (17, 60), (60, 17)]:
        mask = rng.random(shape) < density
        mask[-1, 0] = True
        other = rng.random(shape) < 0.5
        found = find_components(mask)
        number, labels, _, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        assert len(found.top) == number - 1
        for k in range(number - 1):
            alone = found.only(np.arange(number - 1) == k)
            label = labels[alone].max()
            np.testing.assert_array_equal(alone, labels == label)
            rows, columns = np.nonzero(alone)
            box = found.box(np.arange(number - 1) == k)
            assert box == (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
            assert found.count(other)[k] == (alone & other).sum()


def test_a_spiral_is_one_component():
    mask = np.zeros((41, 41), bool)
    for ring in range(0, 20, 2):
        mask[ring, ring : 41 - ring] = mask[ring : 41 - ring, 40 - ring] = mask[40 - ring, ring : 41 - ring] = True
        mask[ring + 2 : 41 - ring, ring] = True
        mask[ring + 2, ring : ring + 2] = True
    found = find_components(mask)
    assert len(found.top) == 1
    assert found.count(mask).tolist() == [mask.sum()]
