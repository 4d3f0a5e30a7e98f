"""Pictures in every form, in ink and on paper of any colour, in any light, come out in MNIST's form."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

from inkdigit import prepare
from inkdigit.data import mnist
from inkdigit.errors import InkdigitError, NoInkError
from inkdigit.imaging.normalize import has_mnist_form
from tests.errors import refused

Colour = tuple[int, int, int]


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return mnist.load()[1].images[:100]


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def large(digit: np.ndarray, scale: int = 7, size: tuple[int, int] = (400, 300), at: tuple[int, int] = (90, 40)):
    """An MNIST digit drawn large on a dark page, (H, W) from 0 to 1."""
    page = Image.new("L", size)
    page.paste(Image.fromarray(digit).resize((28 * scale, 28 * scale), Image.Resampling.BICUBIC), at)
    return np.asarray(page) / np.float32(255)


def painted(shares: np.ndarray, ink: Colour, paper: Colour) -> Image.Image:
    colours = np.array(paper) + shares[..., None] * (np.array(ink) - np.array(paper))
    return Image.fromarray(colours.round().astype(np.uint8))


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Of two prepared digits: how much of the ink lies elsewhere."""
    return float(np.abs(one.astype(float) - other).sum() / other.sum())


def assert_alike(pairs: Iterable[tuple[np.ndarray, np.ndarray]], most: float = 0.2) -> None:
    """The ink of nearly all is in the same places; a centre of mass between two pixels may go to either."""
    differences = [difference(one, other) for one, other in pairs]
    assert np.median(differences) < most
    assert np.percentile(differences, 90) < 0.7


def test_all_of_mnists_test_images_are_in_its_form():
    for digit in mnist.load()[1].images:
        assert has_mnist_form(digit)


def test_an_image_in_mnists_form_stays_as_it_is(digits: np.ndarray):
    for digit in digits[:30]:
        for image in (digit, ~digit, saved(Image.fromarray(digit)), saved(Image.fromarray(~digit).convert("RGBA"))):
            np.testing.assert_array_equal(prepare(image), digit)


def test_preparing_twice_changes_little(digits: np.ndarray):
    for digit in digits[:30]:
        once = prepare(large(digit))
        assert once.dtype == np.uint8
        assert once.shape == (28, 28)
        if has_mnist_form(once):
            np.testing.assert_array_equal(prepare(once), once)
        assert difference(prepare(once), once) < 0.5


def test_a_digit_of_28x28_that_is_not_in_form_is_prepared(digits: np.ndarray):
    small = np.zeros((len(digits), 28, 28), np.uint8)
    for place, digit in enumerate(digits):
        small[place, 6:26, 1:21] = np.asarray(Image.fromarray(digit).resize((20, 20), Image.Resampling.BILINEAR))
    images = [prepare(image) for image in small]
    assert {max(np.ptp(np.flatnonzero(image.any(axis))) for axis in (0, 1)) for image in images} == {19}
    assert_alike(zip(images, digits, strict=True), 0.6)


def test_every_form_of_a_picture_is_prepared_alike(digits: np.ndarray, tmp_path: Path):
    shares = large(digits[0])
    grey = (255 * shares).round().astype(np.uint8)
    path = tmp_path / "digit.png"
    path.write_bytes(saved(Image.fromarray(grey)))
    wanted = prepare(grey)
    rgb = Image.fromarray(grey).convert("RGB")
    holders: list[Any] = [
        path,
        str(path),
        path.read_bytes(),
        rgb,
        rgb.convert("RGBA"),
        np.asarray(rgb),
        grey[..., None],
    ]
    holders += [grey.astype(np.uint16) * 257, grey.astype(float), grey / 255, Image.fromarray(~grey), ~grey]
    for holder in holders:
        np.testing.assert_array_equal(prepare(holder), wanted)


def test_dark_and_bright_ink_are_prepared_alike(digits: np.ndarray):
    dark = [prepare(painted(large(digit), (20, 20, 30), (230, 225, 220))) for digit in digits[:30]]
    bright = [prepare(painted(large(digit), (230, 235, 230), (30, 60, 40))) for digit in digits[:30]]
    assert_alike(zip(dark, bright, strict=True), 0.1)


def test_the_caller_may_say_which_side_is_ink(digits: np.ndarray):
    cut = digits[0][:, 8:14]  # a piece that does not say
    np.testing.assert_array_equal(prepare(~cut, ink="dark"), prepare(cut, ink="bright"))
    assert prepare(~cut, ink="bright").sum() > 1.5 * prepare(cut, ink="bright").sum()


COLOURS: dict[str, tuple[Colour, Colour]] = {
    "blue pen": ((40, 50, 140), (240, 240, 235)),
    "red pen on yellow": ((200, 40, 40), (250, 235, 150)),
    "pencil": ((150, 150, 152), (235, 233, 228)),
    "yellow on white": ((255, 240, 90), (255, 255, 255)),
    "pink on white": ((255, 190, 205), (255, 255, 255)),
    "red on green of the same luma": ((200, 40, 40), (20, 120, 20)),
    "chalk": ((225, 225, 220), (40, 75, 60)),
    "blue on red of the same luma": ((20, 80, 255), (210, 20, 20)),
}


@pytest.mark.parametrize("case", COLOURS)
def test_ink_and_paper_may_have_any_colour(digits: np.ndarray, case: str):
    pages = [large(digit) for digit in digits[:12]]
    painting = [painted(page, *COLOURS[case]) for page in pages]
    assert_alike((prepare(picture), prepare(page)) for picture, page in zip(painting, pages, strict=True))
    photos = [saved(picture, "JPEG", quality=85) for picture in painting]
    assert_alike(((prepare(photo), prepare(page)) for photo, page in zip(photos, pages, strict=True)), 0.4)


@pytest.mark.parametrize("ink", ["auto", "dark", "bright"])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 60)])
def test_strokes_on_transparent_paper_are_found(digits: np.ndarray, ink: Any, colour: Colour):
    for digit in digits[:10]:
        shares = large(digit)
        drawn = np.empty((*shares.shape, 4), np.uint8)
        drawn[..., :3], drawn[..., 3] = colour, (255 * shares).round()
        assert difference(prepare(saved(Image.fromarray(drawn)), ink=ink), prepare(shares)) < 0.01


def test_a_page_with_transparent_corners_is_a_page(digits: np.ndarray):
    page = painted(large(digits[0]), (30, 30, 30), (240, 240, 240)).convert("RGBA")
    corner = Image.new("L", page.size, 255)
    ImageDraw.Draw(corner).rectangle((0, 0, 40, 40), fill=0)
    page.putalpha(corner)
    assert difference(prepare(page), prepare(large(digits[0]))) < 0.2


def light(kind: str, height: int, width: int) -> np.ndarray:
    """How bright the paper is lit, (H, W)."""
    down, across = np.mgrid[0:height, 0:width] / max(height, width)
    if kind == "gradient":
        return 1 - 0.5 * (down + across) / 2
    if kind == "lamp":
        return 0.55 + 0.45 * np.exp(-((down - 0.2) ** 2 + (across - 0.3) ** 2) / 0.2)
    return 1 - 0.4 / (1 + np.exp(-(down + across - 0.7) / 0.08))  # the shadow of a hand


@pytest.mark.parametrize("kind", ["gradient", "lamp", "shadow"])
@pytest.mark.parametrize("scale", [7, 3])
def test_uneven_light_is_not_ink(digits: np.ndarray, rng: np.random.Generator, kind: str, scale: int):
    pages = [large(digit, scale) for digit in digits[:15]]
    lit = [(225 - 120 * page) * light(kind, *page.shape) + rng.normal(0, 3, page.shape) for page in pages]
    photos = [saved(Image.fromarray(photo.clip(0, 255).astype(np.uint8)), "JPEG", quality=85) for photo in lit]
    assert_alike(((prepare(photo), prepare(page)) for photo, page in zip(photos, pages, strict=True)), 0.4)


def test_a_bold_digit_that_fills_its_picture_is_not_taken_for_a_shadow(digits: np.ndarray):
    for digit in digits[:30]:
        ink = np.argwhere(digit > 127)
        (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0)
        cut = (digit[top : bottom + 1, left : right + 1] > 127) * np.uint8(255)
        tight = np.kron(cut, np.ones((9, 9), np.uint8))
        assert difference(prepare(tight, ink="bright"), prepare(np.pad(tight, 60))) < 0.2


BLANK: dict[str, Any] = {
    "white": np.full((280, 280), 255, np.uint8),
    "black": np.zeros((28, 28), np.uint8),
    "one pixel": np.full((1, 1), 70, np.uint8),
    "grey": Image.new("RGB", (60, 40), (130, 120, 110)),
    "two levels": np.tile(np.array([90, 100], np.uint8), (40, 15)),
    "nothing visible": Image.new("RGBA", (60, 40), (0, 0, 0, 0)),
    "noise": np.random.default_rng(1).normal(200, 6, (480, 640)).astype(np.uint8),
    "noise of a small picture": np.random.default_rng(1).normal(200, 3, (60, 40)).astype(np.uint8),
    "paper in a shadow": (220 * light("gradient", 480, 640) + np.random.default_rng(1).normal(0, 3, (480, 640))).astype(
        np.uint8
    ),
    "dust": np.where(np.random.default_rng(1).random((300, 300)) < 0.0005, 20, 230).astype(np.uint8),
}


@pytest.mark.parametrize("case", BLANK)
def test_a_picture_without_ink_is_refused(case: str):
    with refused("picture-blank", "5/x.png") as caught:
        prepare(BLANK[case], name="5/x.png")
    assert isinstance(caught.value, NoInkError)


@pytest.mark.parametrize("size", [(3, 4000), (4000, 3), (2500, 3500)])
def test_pictures_of_any_shape_and_size_are_prepared(size: tuple[int, int]):
    page = Image.new("RGB", size, "white")
    width, height = size
    ImageDraw.Draw(page).rectangle((width // 3, height // 3, width // 2, height // 2), fill="navy")
    for holder in (page, saved(page), saved(page, "JPEG")):
        assert prepare(holder).max() == 255


def test_a_photo_held_sideways_is_upright(digits: np.ndarray):
    shares = large(digits[0])
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = painted(np.rot90(shares), (0, 0, 0), (255, 255, 255))
    image = prepare(saved(sideways, "JPEG", quality=95, exif=exif))
    assert difference(image, prepare(shares)) < 0.1


def test_what_is_not_a_picture_is_refused(tmp_path: Path):
    with refused("file-not-found", "absent.png"):
        prepare(tmp_path / "absent.png")
    (tmp_path / "x.png").write_text("hello")
    with refused("picture-format-unknown", "x.png"):
        prepare(str(tmp_path / "x.png"))
    with refused("picture-type-invalid", "list"):
        prepare([[0, 1]])  # pyright: ignore[reportArgumentType]
    with refused("array-shape-invalid", "digit", "(2, 28, 28)"):
        prepare(np.zeros((2, 28, 28)), name="digit")


def is_prepared_or_refused(image: Any, **options: Any) -> None:
    try:
        digit = prepare(image, **options)
    except InkdigitError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert digit.shape == (28, 28)
        assert digit.dtype == np.uint8
        assert digit.max() > 127


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16, np.bool_, np.float32, np.float64, np.int32, np.int64]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=60),
    ),
    st.sampled_from(["auto", "dark", "bright"]),
)
def test_any_array_is_prepared_or_refused(values: np.ndarray, ink: Any):
    is_prepared_or_refused(values, ink=ink)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_drawing_is_prepared_or_refused(data: st.DataObject):
    width, height = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 200))
    image = Image.new("RGBA", (width, height), tuple(data.draw(st.integers(0, 255)) for _ in range(4)))
    pen = ImageDraw.Draw(image)
    for _ in range(data.draw(st.integers(0, 6))):
        ends = [data.draw(st.integers(-20, 220)) for _ in range(4)]
        colour = tuple(data.draw(st.integers(0, 255)) for _ in range(4))
        pen.line(ends, fill=colour, width=data.draw(st.integers(1, 40)))
    mode = data.draw(
        st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"])
    )
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 200)
    else:
        image = (image.convert("RGB") if mode in {"LAB", "CMYK", "YCbCr", "HSV"} else image).convert(
            "L" if mode in {"I", "F"} else "RGB" if mode == "LAB" else mode
        )
    is_prepared_or_refused(image)
    if image.mode in {"L", "RGB", "RGBA", "P", "1"}:
        is_prepared_or_refused(saved(image))


@settings(max_examples=50, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM", b"GIF89a", b"P5 "])
)
def test_any_bytes_are_prepared_or_refused(content: bytes, start: bytes):
    is_prepared_or_refused(start + content)
