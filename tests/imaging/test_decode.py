"""Pictures as telephones, scanners and browsers save them -> grey pixels, upright; bombs and damage refused."""

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
from inkdigit.imaging.decode import decode

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
SEVEN = np.zeros((28, 28), np.uint8)
SEVEN[5, 8:20] = SEVEN[5:23, 19] = 255


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def with_alpha(ink: int, alpha: np.ndarray, elsewhere: int = 0) -> Image.Image:
    """One colour of ink where SEVEN is, and another colour, as a rule invisible, elsewhere."""
    grey = np.where(SEVEN > 0, ink, elsewhere).astype(np.uint8)
    return Image.fromarray(np.dstack([grey, grey, grey, alpha]))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_is_grey_in_every_mode(mode: str):
    np.testing.assert_array_equal(decode(saved(Image.fromarray(GREY).convert(mode)), "x"), GREY)


def test_two_levels_are_black_and_white():
    np.testing.assert_array_equal(decode(saved(Image.fromarray(SEVEN).convert("1")), "x"), SEVEN)


def test_sixteen_bits_become_eight():
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    np.testing.assert_array_equal(decode(saved(deep), "x"), GREY)
    np.testing.assert_array_equal(decode(saved(deep, "TIFF"), "x"), GREY)


def test_exif_says_which_way_is_up():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(saved(Image.fromarray(GREY), exif=exif.tobytes()), "x")
    np.testing.assert_array_equal(turned, np.rot90(GREY, -1))
    exif[0x0112] = 0
    np.testing.assert_array_equal(decode(saved(Image.fromarray(GREY), exif=exif.tobytes()), "x"), GREY)


def test_what_is_transparent_is_paper():
    drawn_dark = decode(saved(with_alpha(0, SEVEN)), "x")
    drawn_light = decode(saved(with_alpha(255, SEVEN)), "x")
    np.testing.assert_array_equal(drawn_dark, ~SEVEN)
    np.testing.assert_array_equal(drawn_light, SEVEN)
    corners = np.full_like(SEVEN, 255)
    corners[:3, :3] = 0
    page = decode(saved(with_alpha(0, corners, elsewhere=255)), "x")
    np.testing.assert_array_equal(page, ~SEVEN)


def test_wholly_transparent_is_blank():
    assert np.ptp(decode(saved(with_alpha(255, np.zeros_like(SEVEN))), "x")) == 0


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
            assert decode(bytes(content), "x").ndim == 2
        except InkdigitError as error:
            assert str(error).startswith("x ")  # noqa: PT017
