"""Pictures as telephones, scanners and browsers save them -> upright, of 8 bits; bombs and damage refused."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from inkdigit.errors import InkdigitError
from inkdigit.imaging.decode import FORMATS, decode, from_array, from_image

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


def test_cmyk_is_nearly_the_same():
    flat = Image.fromarray(np.kron(GREY, np.ones((16, 16), np.uint8)))
    same = grey(saved(flat.convert("RGB").convert("CMYK"), "JPEG", quality=100))
    assert np.abs(same.astype(int) - np.asarray(flat)).mean() < 3


def test_two_levels_are_black_and_white():
    np.testing.assert_array_equal(grey(saved(Image.fromarray(SEVEN).convert("1"))), SEVEN)


def test_sixteen_bits_become_eight():
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    np.testing.assert_array_equal(grey(saved(deep)), GREY)
    np.testing.assert_array_equal(grey(saved(deep, "TIFF")), GREY)


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


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (64, 3), (65, 64)])
def test_small_grey_pngs_are_what_pillow_reads(size: tuple[int, int], ink: np.random.Generator):
    pixels = ink.integers(0, 256, size[::-1], np.uint8)
    content = saved(Image.fromarray(pixels))
    np.testing.assert_array_equal(grey(content), pixels)
    for place in range(len(content)):
        damaged = content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
        try:
            with Image.open(io.BytesIO(damaged), formats=["PNG"]) as image:
                expected = np.asarray(image.convert("L"))
        except Exception:  # noqa: BLE001 - Pillow raises nearly anything
            with pytest.raises(InkdigitError):
                decode(damaged, "it", formats=["PNG"])
        else:
            if image.mode in {"1", "L"}:
                np.testing.assert_array_equal(np.asarray(decode(damaged, "it", formats=["PNG"])), expected)


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


def test_a_caller_may_allow_less():
    content = saved(Image.fromarray(GREY))
    with pytest.raises(InkdigitError, match=r"^x has 8 x 6 pixels, and at most 47 are read"):
        decode(content, "x", max_pixels=47)
    assert decode(content, "x", max_pixels=48).size == (8, 6)
    with pytest.raises(InkdigitError, match=r"^x is not a picture of a kind that is read \(JPEG, WEBP\)"):
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


def test_true_is_white():
    np.testing.assert_array_equal(np.asarray(from_array(SEVEN > 0, "x")), SEVEN)


BAD_ARRAYS: dict[str, tuple[np.ndarray, str]] = {
    "a batch": (np.zeros((5, 28, 28)), r"x is an array of shape \(5, 28, 28\): one picture is \(height, width\)"),
    "a row": (np.zeros(784), r"x is an array of shape \(784,\)"),
    "nothing": (np.zeros((0, 28)), r"x is an array without pixels, of shape \(0, 28\)"),
    "words": (np.array([["a", "b"]]), "x is an array of type <U1: numbers are needed"),
    "objects": (np.array([[None]]), "x is an array of type object: numbers are needed"),
    "not a number": (np.array([[0, np.nan]]), "A pixel of x, nan, is not a number: scale it"),
    "infinite": (np.array([[0, np.inf]]), "A pixel of x, inf, is outside of 0 to 255: scale it"),
    "negative": (np.array([[-0.4, 1]]), "A pixel of x, -0.4, is outside of 0 to 1 or 0 to 255: scale it"),
    "too large": (np.array([[0, 256]]), "A pixel of x, 256, is outside of 0 to 255: scale it"),
    "of doubtful scale": (np.array([[0, 1.25]]), "The brightest pixel of x is 1.25: pixels go from 0 to 1 or from"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_are_no_picture_are_told(case: str):
    values, sentence = BAD_ARRAYS[case]
    with pytest.raises(InkdigitError, match=f"^{sentence}"):
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


def test_a_damaged_image_is_told_when_it_is_used():
    image = Image.open(io.BytesIO(saved(Image.fromarray(SEVEN))[:-30]))
    with pytest.raises(InkdigitError, match=r"^x is a damaged picture"):
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
    "empty": (b"", "is not a picture of a kind that is read"),
    "text": (b"hello", "is not a picture of a kind that is read"),
    "an icon": (saved(Image.fromarray(SEVEN), "ICO"), "is not a picture of a kind that is read"),
    "large": (png_of(8000, 8000), "has 8000 x 8000 pixels, and at most 50,000,000"),
    "a bomb": (png_of(12_000, 12_000), "has 12000 x 12000 pixels, and at most 50,000,000"),
    "a large bomb": (png_of(60_000, 60_000), "has more than 50,000,000 pixels"),
    "cut short": (saved(Image.fromarray(SEVEN))[:-30], "is a damaged picture"),
    "an animation": (frames("GIF"), "has several frames"),
    "pages": (frames("TIFF"), "has several frames"),
    "an animated PNG": (frames("PNG"), "has several frames"),
    "an animated WebP": (frames("WEBP"), "has several frames"),
    "floats": (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "has pixels of 32 bits"),
}


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("case", BAD)
def test_what_is_no_picture_is_told(case: str):
    content, sentence = BAD[case]
    with pytest.raises(InkdigitError, match=rf"^3/x.png {sentence}") as raised:
        decode(content, "3/x.png")
    assert "\n" not in str(raised.value)


def test_pillows_warnings_do_not_reach_the_user():
    script = (
        "import sys; from inkdigit.imaging.decode import decode\n"
        "try:\n    decode(sys.stdin.buffer.read(), 'x')\n"
        "except Exception as error:\n    print(error)"
    )
    content = png_of(12_000, 12_000)
    done = subprocess.run([sys.executable, "-c", script], input=content, capture_output=True, check=True)
    assert done.stdout.startswith(b"x has 12000 x 12000 pixels")
    assert done.stderr == b""


SOUND: dict[str, Callable[[], bytes]] = {
    form: lambda form=form: saved(Image.fromarray(SEVEN), form)
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", SOUND)
def test_damage_anywhere_is_one_sentence(form: str, ink: np.random.Generator):
    whole = SOUND[form]()
    for _ in range(40):
        content = bytearray(whole)
        for place in ink.integers(0, len(content), 4):
            content[place] = ink.integers(256)
        try:
            assert decode(bytes(content), "x").mode in {"L", "RGB", "RGBA"}
        except InkdigitError as error:
            assert str(error).startswith("x ")  # noqa: PT017
