"""Pictures as telephones, scanners and browsers save them -> upright, of 8 bits; bombs and damage refused."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from inkdigit.errors import InkdigitError
from inkdigit.imaging.decode import FORMATS, decode, from_array, from_image
from tests.errors import refused

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
SEVEN = np.zeros((28, 28), np.uint8)
SEVEN[5, 8:20] = SEVEN[5:23, 19] = 255


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def grey(content: bytes) -> np.ndarray:
    return np.asarray(decode(content, "x").convert("L"))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_is_grey_in_every_mode(mode: str):
    np.testing.assert_array_equal(grey(saved(Image.fromarray(GREY).convert(mode))), GREY)


def test_cmyk_pictures_are_nearly_the_same():
    flat = Image.fromarray(np.kron(GREY, np.ones((16, 16), np.uint8)))
    same = grey(saved(flat.convert("RGB").convert("CMYK"), "JPEG", quality=100))
    assert np.abs(same.astype(int) - np.asarray(flat)).mean() < 3


def test_two_levels_are_black_and_white():
    np.testing.assert_array_equal(grey(saved(Image.fromarray(SEVEN).convert("1"))), SEVEN)


def test_sixteen_bits_become_eight():
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    np.testing.assert_array_equal(grey(saved(deep)), GREY)
    np.testing.assert_array_equal(grey(saved(deep, "TIFF")), GREY)


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_photos_of_telephones_are_nearly_the_same(form: str):
    pillow_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType]
    flat = Image.fromarray(np.kron(GREY, np.ones((16, 16), np.uint8)))
    content = saved(flat.convert("RGB"), form, quality=95)
    assert np.abs(grey(content).astype(int) - np.asarray(flat)).mean() < 3
    for damaged in (content[:40], content[: len(content) // 2]):
        with pytest.raises(InkdigitError):
            decode(damaged, "x")
    with refused("picture-too-large", "x"):
        decode(content, "x", max_pixels=100)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("size", [1, 100])
def test_exif_says_which_way_is_up(form: str, size: int):
    image = Image.fromarray(np.kron(GREY, np.ones((size, size), np.uint8)))
    exif = Image.Exif()
    for orientation, turns in ((6, -1), (3, 2), (8, 1), (0, 0)):
        exif[0x0112] = orientation
        options = {"quality": 100} if form in {"JPEG", "WEBP"} else {}
        upright = decode(saved(image, form, exif=exif, **options), "x", side=200).convert("L")
        wanted = np.rot90(GREY, turns)
        assert upright.width * 6 == upright.height * 8 or upright.width * 8 == upright.height * 6
        assert max(upright.size) == (8 if size == 1 else 200)
        small = np.asarray(upright.resize((wanted.shape[1], wanted.shape[0]), Image.Resampling.BOX), int)
        assert np.abs(small - wanted).mean() < 10


def test_colour_and_transparency_are_kept():
    red = Image.new("RGBA", (8, 6), (255, 0, 0, 128))
    assert decode(saved(red), "x").getpixel((0, 0)) == (255, 0, 0, 128)
    assert decode(saved(red.convert("RGB")), "x").getpixel((0, 0)) == (255, 0, 0)
    palette = red.convert("RGB").quantize(2)
    assert decode(saved(palette, transparency=0), "x").mode == "RGBA"


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_large_pictures_are_shrunk_on_request(form: str, mode: str):
    large = Image.fromarray(np.kron(GREY, np.ones((200, 200), np.uint8))).convert(mode)
    content = saved(large, form)
    assert decode(content, "x").size == (1600, 1200)
    assert decode(content, "x", side=801).size == (1600, 1200)
    small = decode(content, "x", side=300)
    assert 300 <= small.width < 600
    assert small.width * 6 == small.height * 8
    assert np.abs(np.asarray(small.convert("L").resize((8, 6)), int) - GREY).max() < 4


def test_the_caller_limits_pixels_and_formats():
    content = saved(Image.fromarray(GREY))
    with refused("picture-too-large", "x", "8 x 6", 47):
        decode(content, "x", max_pixels=47)
    assert decode(content, "x", max_pixels=48).size == (8, 6)
    with refused("picture-format-unknown", "x", "JPEG, WEBP"):
        decode(content, "x", formats=("JPEG", "WEBP"))
    assert set(FORMATS) > {"PNG", "JPEG", "WEBP", "BMP"}


ARRAYS: dict[str, np.ndarray] = {
    "uint8": GREY,
    "one channel": GREY[..., None],
    "RGB": np.dstack([GREY] * 3),
    "RGBA": np.dstack([GREY] * 3 + [np.full_like(GREY, 255)]),
    "int64": GREY.astype(np.int64),
    "uint16": GREY.astype(np.uint16) * 257,
    "uint16 of bytes": GREY.astype(np.uint16),
    "floats to 255": GREY.astype(np.float32),
    "floats to 1": GREY / 255,
    "strided": np.repeat(GREY, 2, axis=1)[:, ::2],
    "Fortran's order": np.asfortranarray(GREY),
    "big-endian": GREY.astype(">u2") * 257,
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_any_kind_are_the_same(kind: str):
    np.testing.assert_array_equal(np.asarray(from_array(ARRAYS[kind], "x").convert("L")), GREY)


def test_a_mask_becomes_black_and_white():
    np.testing.assert_array_equal(np.asarray(from_array(SEVEN > 0, "x")), SEVEN)


BAD_ARRAYS: dict[str, tuple[np.ndarray, str, str]] = {
    "a batch": (np.zeros((5, 28, 28)), "array-shape-invalid", "(5, 28, 28)"),
    "a row": (np.zeros(784), "array-shape-invalid", "(784,)"),
    "nothing": (np.zeros((0, 28)), "array-shape-invalid", "(0, 28)"),
    "words": (np.array([["a", "b"]]), "array-type-invalid", "<U1"),
    "objects": (np.array([[None]]), "array-type-invalid", "object"),
    "not a number": (np.array([[0, np.nan]]), "array-range-invalid", "nan"),
    "infinite": (np.array([[0, np.inf]]), "array-range-invalid", "inf"),
    "negative": (np.array([[-0.4, 1]]), "array-range-invalid", "-0.4"),
    "too large": (np.array([[0, 256]]), "array-range-invalid", "256"),
    "from 0 to 1, in whole numbers": (np.eye(28, dtype=np.uint8), "images-scaled", "16"),
    "from 0 to 16": (16.0 * np.eye(8), "images-scaled", "16"),
    "of doubtful scale": (np.array([[0, 1.25]]), "array-range-invalid", "1.25"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_an_array_that_is_not_a_picture_is_refused(case: str):
    values, code, place = BAD_ARRAYS[case]
    with refused(code, "x", place):
        from_array(values, "x")


OTHER_MODES = ("1", "L", "LA", "RGB", "RGBA", "RGBa", "RGBX", "P", "I", "F", "YCbCr", "HSV", "CMYK")


@pytest.mark.parametrize("mode", OTHER_MODES)
def test_pillows_images_of_any_mode_are_the_same(mode: str):
    image = Image.fromarray(SEVEN).convert("RGBA" if mode == "RGBa" else "RGB").convert(mode)
    np.testing.assert_allclose(np.asarray(from_image(image, "x").convert("L"), int), SEVEN, atol=3)


def test_sixteen_bits_in_memory_become_eight():
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(from_image(deep, "x")), GREY)


def test_an_image_is_left_as_it_was():
    image = Image.open(io.BytesIO(saved(Image.fromarray(GREY))))
    from_image(image, "x", 2)
    assert image.size == (8, 6)
    np.testing.assert_array_equal(np.asarray(image), GREY)


def test_a_damaged_image_is_refused_when_it_is_used():
    image = Image.open(io.BytesIO(saved(Image.fromarray(SEVEN))[:-30]))
    with refused("file-damaged", "x"):
        from_image(image, "x")


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header announces a size, and whose pixels are nearly nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def frames(form: str) -> bytes:
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    return saved(pages[0], form, save_all=True, append_images=pages[1:])


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "picture-format-unknown"),
    "text": (b"hello", "picture-format-unknown"),
    "an icon": (saved(Image.fromarray(SEVEN), "ICO"), "picture-format-unknown"),
    "large": (png_of(8000, 8000), "picture-too-large"),
    "a bomb": (png_of(12_000, 12_000), "picture-too-large"),
    "a large bomb": (png_of(60_000, 60_000), "picture-too-large"),
    "cut short": (saved(Image.fromarray(SEVEN))[:-30], "file-damaged"),
    "an animation": (frames("GIF"), "picture-has-frames"),
    "pages": (frames("TIFF"), "picture-has-frames"),
    "an animated PNG": (frames("PNG"), "picture-has-frames"),
    "an animated WebP": (frames("WEBP"), "picture-has-frames"),
    "floats": (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "picture-depth-unsupported"),
}


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_not_a_picture_is_refused(case: str):
    content, code = BAD[case]
    with refused(code, "3/x.png") as caught:
        decode(content, "3/x.png")
    assert "\n" not in str(caught.value)


SOUND: dict[str, Callable[[], bytes]] = {
    form: lambda form=form: saved(Image.fromarray(SEVEN), form)
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", SOUND)
def test_damage_anywhere_is_refused_in_one_sentence(form: str, rng: np.random.Generator):
    whole = SOUND[form]()
    for _ in range(40):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 4):
            content[place] = rng.integers(256)
        try:
            assert decode(bytes(content), "x").mode in {"L", "RGB", "RGBA"}
        except InkdigitError as error:
            assert str(error).startswith("x ")  # noqa: PT017
