"""Pixels in JSON and in bytes -> arrays, or a problem with its place."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.service.problems import Problem
from inkdigit.service.tensors import DTYPES, binary_images, flat_images, images, stack


@pytest.fixture
def pixels(rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (3, 28, 28), np.uint8)


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 28, 28, 1), (3, 784)])
@pytest.mark.parametrize("dtype", [int, float])
def test_every_shape_of_an_image_is_read(pixels: NDArray[np.uint8], shape: tuple[int, ...], dtype: type) -> None:
    document = json.dumps(pixels.reshape(shape).astype(dtype).tolist()).encode()
    assert (images(document, 3, "here") == pixels).all()


@pytest.mark.parametrize("image", [28 * [28 * [0]], 28 * [28 * [[0]]], 784 * [0], 784 * [[]]])
def test_too_many_images_are_refused_before_they_are_decoded(image: list[Any]) -> None:
    several = json.dumps(4 * [image])[:-1].encode()  # not JSON: to decode it would give 400
    with pytest.raises(Problem) as caught:
        images(several, 3, "here")
    assert (caught.value.status, caught.value.setting) == (413, "max_images")


def test_too_many_numbers_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(Problem) as caught:
        flat_images(b"[" + 784 * b"x,", 1, "here")
    assert (caught.value.status, caught.value.field) == (422, "here")


def test_numbers_with_exponents_are_read(pixels: NDArray[np.uint8]) -> None:
    text = json.dumps(np.full((1, 28, 28), 100).tolist()).replace("100", "1e2")
    assert (images(text.encode(), 3, "here") == 100).all()


def test_flat_numbers_are_cut_into_images(pixels: NDArray[np.uint8]) -> None:
    document = json.dumps(pixels.ravel().tolist()).encode()
    assert (flat_images(document, 3, "here") == pixels).all()
    with pytest.raises(Problem) as caught:
        flat_images(document, 2, "here")
    assert (caught.value.status, caught.value.field) == (422, "here")


@pytest.mark.parametrize("value", [-1, 256, 0.5, 1e300, True, None, "7", [0]])
def test_a_value_that_is_not_a_pixel_is_refused_with_its_place(value: Any) -> None:
    rows: list[Any] = [[0] * 28 for _ in range(28)]
    rows[3][5] = value
    with pytest.raises(Problem) as caught:
        images(json.dumps([rows]).encode(), 3, "here")
    assert (caught.value.status, caught.value.field) == (422, "here[0][3][5]")


def test_a_fault_behind_a_whole_float_is_found_at_its_own_place() -> None:
    rows: list[Any] = [[7.0] * 28 for _ in range(28)]
    rows[3][5] = 256
    with pytest.raises(Problem) as caught:
        images(json.dumps([rows]).encode(), 3, "here")
    assert caught.value.field == "here[0][3][5]"


@pytest.mark.parametrize("datatype", DTYPES)
def test_bytes_of_every_type_are_read(datatype: str, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 128, (2, 28, 28))
    content = b"json" + pixels.astype(DTYPES[datatype]).tobytes()
    found = binary_images(content, 4, datatype, "here")
    assert found.dtype == np.uint8
    assert (found == pixels).all()


@pytest.mark.parametrize(
    ("value", "datatype"),
    [(np.nan, "FP32"), (np.inf, "FP64"), (-1, "INT8"), (256, "INT32"), (2**40, "INT64"), (0.5, "FP16")],
)
def test_bytes_that_are_not_pixels_are_refused_with_their_place(value: float, datatype: str) -> None:
    pixels = np.zeros((2, 28, 28), DTYPES[datatype])
    pixels[1, 2, 3] = value
    with pytest.raises(Problem) as caught:
        binary_images(pixels.tobytes(), 0, datatype, "here")
    assert (caught.value.status, caught.value.field) == (422, "here[1][2][3]")


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_lists_of_any_depth_are_stacked(pixels: NDArray[np.uint8], depth: int) -> None:
    shape = {0: (-1,), 1: (-1, 28), 2: (-1, 28, 28)}[depth]
    assert (stack(pixels.reshape(shape).tolist(), depth, "pixels") == pixels).all()
