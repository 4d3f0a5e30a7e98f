"""What a caller holds of a picture, a file's bytes, an array or a PIL image -> an upright picture of 8 bits."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from inkdigit.errors import InkdigitError, TooLargeError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
LARGEST = 50_000_000  # pixels; a telephone's picture has 12 to 48 million

_TURNS = {  # what EXIF's orientation says was done to the picture -> what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PNG_HEAD = struct.Struct(">16sII5sII4s")  # signature and IHDR with width, height, kind, checksum; IDAT's length, name
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_GREY_8 = b"\x08\x00\x00\x00\x00"  # bits, colour, compression, filter, not interlaced
_IDAT_SUM = zlib.crc32(b"IDAT")
_OVERHEAD = 57  # bytes of a PNG with one IDAT chunk, less what that holds
_SMALL = 64  # pixels
_PLAIN = {"La": "LA", "RGBa": "RGBA"}  # modes of which Pillow knows one conversion only -> that one
_SHAPES = "(height, width), with a third axis of 1, 3 or 4 for grey, RGB or RGBA"

# Pillow warns of bombs and of damaged metadata and goes on. Sizes are checked here; a user gets one sentence.
warnings.filterwarnings("ignore", module=r"PIL\.")


def decode(
    content: bytes,
    name: str,
    *,
    formats: Sequence[str] = FORMATS,
    largest: int = LARGEST,
    side: int | None = None,
    frame: int | None = None,
) -> Image.Image:
    """The picture in the bytes of a file, upright as its EXIF data says, of mode L, RGB or RGBA.

    name: what to call the picture in an error. formats: Pillow's names of those that are read. largest: pixels, by
    the header. side: a picture more than twice as long is shrunk by a whole factor, while it is decoded where its
    format can; it stays at least so long. frame: which of several, counted from 0. Raises TooLargeError, and
    InkdigitError for anything that is no such picture, is damaged, or has several frames where none is named.
    """
    try:
        if "PNG" in formats and min(largest, (side or _SMALL) ** 2) >= _SMALL**2 and (grey := _small_grey_png(content)):
            return grey
        with Image.open(io.BytesIO(content), formats=tuple(formats)) as image:
            if frame:
                image.seek(frame)
            _check_size(image, name, largest)
            problem = _problem(image, several=frame is not None)
            if not problem:
                if side and max(image.size) >= 2 * side:
                    image.draft(None, _shrunk(image.size, side))  # what only JPEG can
                return flat(image, side)
    except UnidentifiedImageError as error:
        known = ", ".join(formats)
        raise InkdigitError(f"{name} is not a picture of a kind that is read ({known}): convert it.") from error
    except TooLargeError:
        raise
    except Image.DecompressionBombError:
        raise TooLargeError(f"{name} has more than {largest:,} pixels: make it smaller.") from None
    except Exception as error:
        # Pillow raises nearly anything for damaged bytes.
        raise InkdigitError(f"{name} is a damaged picture ({' '.join(str(error).split())}): save it again.") from error
    raise InkdigitError(f"{name} {problem}.")


def _small_grey_png(content: bytes) -> Image.Image | None:
    """The picture in a PNG with a few grey pixels of 8 bits and nothing else, such as MNIST's digits are.

    None for any other file, and a damaged one. Pillow's decoder without what leads to it takes a third of the time.
    """
    if len(content) < _OVERHEAD or not content.endswith(_PNG_END):
        return None
    signature, width, height, kind, header_sum, length, name = _PNG_HEAD.unpack_from(content)
    if signature != _PNG_SIGNATURE or kind != _GREY_8 or name != b"IDAT" or length != len(content) - _OVERHEAD:
        return None
    data, data_sum = content[41:-16], int.from_bytes(content[-16:-12])
    if zlib.crc32(content[12:29]) != header_sum or zlib.crc32(data, _IDAT_SUM) != data_sum:
        return None
    if not (0 < width <= _SMALL and 0 < height <= _SMALL):
        return None
    try:
        return Image.frombytes("L", (width, height), data, "zip", "L", 0)
    except ValueError:
        return None


def _check_size(image: Image.Image, name: str, largest: int) -> None:
    if image.width * image.height > largest:
        size = f"{image.width} x {image.height} pixels"
        raise TooLargeError(f"{name} has {size}, and at most {largest:,} are read: make it smaller.")


def _problem(image: Image.Image, *, several: bool) -> str | None:
    """What the header says against reading the pixels at all."""
    # A telephone's JPEG may carry a second picture, of depths or for bright screens, beside the one to see.
    if not several and image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        return "has several frames: save the one to read as a picture of its own"
    if image.mode in {"I", "F"}:
        return "has pixels of 32 bits: save it with 8 bits"
    return None


def from_image(image: Image.Image, name: str, side: int | None = None) -> Image.Image:
    """A PIL image of any mode -> an upright one of mode L, RGB or RGBA. Raises InkdigitError where it is damaged."""
    try:
        if image.mode not in {"I", "F"}:
            return flat(image, side)
        values = np.asarray(image)
    except Exception as error:
        raise InkdigitError(f"{name} is a damaged picture ({' '.join(str(error).split())}): save it again.") from error
    return flat(from_array(values, name), side)


def flat(image: Image.Image, side: int | None = None) -> Image.Image:
    """Any mode of Pillow's -> L, RGB or RGBA; upright, and no more than twice as long as `side`."""
    image.load()
    upright = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    image = image.convert(_PLAIN[image.mode]) if image.mode in _PLAIN else image
    if image.mode.startswith("I;16"):
        # Pillow's own conversion cuts off above 255.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    else:
        mode = "RGBA" if image.has_transparency_data else "L" if image.mode in {"1", "L"} else "RGB"
        image = image if image.mode == mode else image.convert(mode)
    factor = max(image.size) // side if side else 1
    if factor > 1:
        image = image.reduce(factor)
    return image.transpose(upright) if upright is not None else image


def _shrunk(size: tuple[int, int], side: int) -> tuple[int, int]:
    factor = max(size) // side
    return max(1, size[0] // factor), max(1, size[1] // factor)


def from_array(values: NDArray[Any], name: str) -> Image.Image:
    """(H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of bool, whole or floating numbers -> L, RGB or RGBA.

    Whole numbers go from 0 to 255, or in uint16 to 65,535; floating ones from 0 to 1 or to 255. Raises InkdigitError
    for others, and where 0 to 1 and 0 to 255 cannot be told apart.
    """
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim != 2 and values.shape[2:] not in {(3,), (4,)}:
        raise InkdigitError(f"{name} is an array of shape {values.shape}: one picture is {_SHAPES}.")
    if not values.size:
        raise InkdigitError(f"{name} is an array without pixels, of shape {values.shape}: one picture is {_SHAPES}.")
    if values.dtype.kind not in "buif":
        raise InkdigitError(f"{name} is an array of type {values.dtype}: numbers are needed.")
    return Image.fromarray(np.ascontiguousarray(_bytes(values, name)))


def _bytes(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values * np.uint8(255)
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint16 and high > 255:
        return (values >> 8).astype(np.uint8)
    if not (low >= 0 and high <= 255):  # NaN is neither
        problem = "is not a number" if np.isnan(low) else f"is outside of 0 to {'1 or 0 to ' * (high < 2)}255"
        raise InkdigitError(f"A pixel of {name}, {low if low < 0 or np.isnan(low) else high:g}, {problem}: scale it.")
    if values.dtype.kind != "f":
        return values.astype(np.uint8)
    if 1 < high < 2:
        advice = "pixels go from 0 to 1 or from 0 to 255, and this fits neither well: clip it, or give uint8"
        raise InkdigitError(f"The brightest pixel of {name} is {high:g}: {advice}.")
    return np.rint(values if high > 1 else values * 255).astype(np.uint8)
