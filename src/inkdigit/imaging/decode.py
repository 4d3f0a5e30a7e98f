"""The bytes of a picture file, an array or a PIL image -> an upright picture of 8 bits."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from inkdigit.errors import InkdigitError, TooLargeError
from inkdigit.imaging.pixel_scale import check_scale
from inkdigit.utils.extras import require_extra

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "HEIF")
MAX_PIXELS = 50_000_000  # a phone's picture has 12 to 48 million
MAX_PNG_CHUNKS = 50_000  # libpng writes 8 KiB of data in each: 400 MB
MAX_JPEG_SEGMENTS = 2_000  # before the first scan: EXIF, colour profiles and long XMP take a few hundred at most

PNG_START, JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"

AVIF_BRANDS = {b"avif", b"avis"}

_CORRECTIONS = {  # EXIF's orientation, how the picture was turned -> what turns it back
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_UNPREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}  # the one mode that Pillow converts these modes to
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of the segment that has width and height
_SHAPES = "(height, width), with a third axis of 1, 3 or 4 for grey, RGB or RGBA"

# Pillow warns of bombs and of damaged metadata and goes on. Sizes are checked here; a user gets one sentence.
warnings.filterwarnings("ignore", module=r"PIL\.")


def decode(
    content: bytes,
    name: str,
    *,
    formats: Sequence[str] = FORMATS,
    max_pixels: int = MAX_PIXELS,
    side: int | None = None,
    frame: int | None = None,
) -> Image.Image:
    """The bytes of a picture file -> the picture, upright as its EXIF data says, of mode L, RGB or RGBA.

    Args:
        content: the file's bytes.
        name: what to call the picture in an error.
        formats: Pillow's names of the formats that are accepted.
        max_pixels: how many pixels the header may announce.
        side: pixels. A picture whose longer side has at least twice as many is shrunk by a whole factor, while it is
            decoded where its format allows that; the longer side keeps at least this many.
        frame: which frame of several to decode, counted from 0; None where the file must have only one.

    Raises:
        TooLargeError: the picture has more than `max_pixels`, or its file has too many segments.
        InkdigitError: the bytes are not a picture of these formats, are damaged, or have several frames.
    """
    _check_segments(content, name)
    if is_heic(content):
        _let_pillow_open_heic(name)
    else:
        formats = [each for each in formats if each != "HEIF"]  # Pillow may not know it
    try:
        with Image.open(io.BytesIO(content), formats=tuple(formats)) as image:
            if frame:
                image.seek(frame)
            _check_header(image, name, max_pixels, several_frames=frame is not None)
            if side and max(image.size) >= 2 * side:
                image.draft(None, _shrunk(image.size, side))  # only JPEG can
            return _to_upright(image, side)
    except UnidentifiedImageError as error:
        known = ", ".join(formats)
        message = f"{name} is not a picture in one of the formats {known}: convert it."
        raise InkdigitError(message, code="picture-format-unknown") from error
    except InkdigitError:
        raise
    except Image.DecompressionBombError:
        message = f"{name} has more than {max_pixels:,} pixels: make it smaller."
        raise TooLargeError(message, code="picture-too-large") from None
    except MemoryError:
        raise
    except Exception as error:
        # Pillow raises nearly anything for damaged bytes.
        raise _damaged(name, error) from error


def _check_segments(content: bytes, name: str) -> None:
    """Raise TooLargeError for a PNG or JPEG of very many segments: Pillow takes seconds for them, however short."""
    if content.startswith(PNG_START):
        segments, limit = _png_chunks(content), MAX_PNG_CHUNKS
    elif content.startswith(JPEG_START):
        segments, limit = _jpeg_segments(content), MAX_JPEG_SEGMENTS
    else:
        return
    if next(islice(segments, limit, None), None) is not None:
        message = f"{name} has more than {limit:,} segments: save it again."
        raise TooLargeError(message, code="picture-segments-too-many")


def is_heic(content: bytes) -> bool:
    """Whether a file is a HEIC picture, as iPhones take them, by how it begins; AVIF's box has other names."""
    return content[4:8] == b"ftyp" and content[8:12] not in AVIF_BRANDS


def _let_pillow_open_heic(name: str) -> None:
    require_extra("read", f"{name} is a HEIC picture, and reading it", "pillow_heif")
    import pillow_heif

    pillow_heif.register_heif_opener()  # pyright: ignore[reportUnknownMemberType]


def header_size(content: bytes) -> tuple[int, int] | None:
    """The width and height that a PNG or JPEG file announces; None for other files. Its pixels are not touched."""
    if content.startswith(PNG_START) and len(content) >= 24:
        return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if content.startswith(JPEG_START):
        for place in islice(_jpeg_segments(content), MAX_JPEG_SEGMENTS):
            if content[place + 1] in _JPEG_FRAMES and place + 9 <= len(content):
                return int.from_bytes(content[place + 7 : place + 9]), int.from_bytes(content[place + 5 : place + 7])
    return None


def _png_chunks(content: bytes) -> Iterator[int]:
    """Where each chunk of a PNG begins."""
    place = 8
    while place < len(content):
        yield place
        place += 12 + int.from_bytes(content[place : place + 4])


def _jpeg_segments(content: bytes) -> Iterator[int]:
    """Where each segment of a JPEG before its first scan begins; each byte that fills a gap counts too."""
    place = 2
    while place + 1 < len(content):
        yield place
        marker = content[place + 1]
        if content[place] != 0xFF or marker in (0x00, 0xFF):
            place += 1
        elif marker == 0xDA:  # the start of a scan
            return
        elif marker == 0x01 or 0xD0 <= marker <= 0xD9:  # markers without a length
            place += 2
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4])


def _check_header(image: Image.Image, name: str, max_pixels: int, *, several_frames: bool) -> None:
    """Raise InkdigitError for what the header alone rules out, before any pixel is decoded."""
    if image.width * image.height > max_pixels:
        size = f"{image.width} x {image.height} pixels"
        message = f"{name} has {size}, and at most {max_pixels:,} are allowed: make it smaller."
        raise TooLargeError(message, code="picture-too-large")
    # A phone's JPEG (MPO) may carry a second picture, of depths or for bright screens, beside the one to see.
    if not several_frames and image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        message = f"{name} has several frames: save the one to read as a picture of its own."
        raise InkdigitError(message, code="picture-has-frames")
    if image.mode in {"I", "F"}:
        raise InkdigitError(f"{name} has pixels of 32 bits: save it with 8 bits.", code="picture-depth-unsupported")


def _damaged(name: str, error: Exception) -> InkdigitError:
    reason = " ".join(str(error).split())
    return InkdigitError(f"{name} is a damaged picture ({reason}): save it again.", code="file-damaged")


def from_image(image: Image.Image, name: str, side: int | None = None) -> Image.Image:
    """A PIL image of any mode -> an upright one of mode L, RGB or RGBA. `side` as for `decode`.

    Raises:
        InkdigitError: its file, which Pillow reads late, is damaged, or its 32-bit pixels have no clear scale.
    """
    try:
        if image.mode not in {"I", "F"}:
            return _to_upright(image, side)
        values = np.asarray(image)
    except Exception as error:
        raise _damaged(name, error) from error
    return _to_upright(from_array(values, name), side)


def _to_upright(image: Image.Image, side: int | None = None) -> Image.Image:
    """A PIL image of any mode but I and F -> L, RGB or RGBA, upright, its longer side less than 2 * `side`."""
    image.load()
    correction = _CORRECTIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    image = image.convert(_UNPREMULTIPLIED[image.mode]) if image.mode in _UNPREMULTIPLIED else image
    if image.mode.startswith("I;16"):
        # Pillow's own conversion clips at 255.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    else:
        mode = "RGBA" if image.has_transparency_data else "L" if image.mode in {"1", "L"} else "RGB"
        image = image if image.mode == mode else image.convert(mode)
    factor = max(image.size) // side if side else 1
    if factor > 1:
        image = image.reduce(factor)
    return image.transpose(correction) if correction is not None else image


def _shrunk(size: tuple[int, int], side: int) -> tuple[int, int]:
    factor = max(size) // side
    return max(1, size[0] // factor), max(1, size[1] // factor)


def from_array(values: NDArray[Any], name: str) -> Image.Image:
    """An array of pixels -> a picture of mode L, RGB or RGBA.

    Args:
        values: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of bool, whole or floating numbers. Whole numbers go from 0
            to 255, or in uint16 to 65,535; floating ones from 0 to 1 or from 0 to 255. Whole ones up to 16 are refused.
        name: what to call the picture in an error.

    Raises:
        InkdigitError: another shape, type or range, or one that fits neither 0 to 1 nor 0 to 255 well.
    """
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim != 2 and values.shape[2:] not in {(3,), (4,)}:
        problem = f"is an array of shape {values.shape}"
        raise InkdigitError(f"{name} {problem}: one picture is {_SHAPES}.", code="array-shape-invalid")
    if not values.size:
        problem = f"is an array without pixels, of shape {values.shape}"
        raise InkdigitError(f"{name} {problem}: one picture is {_SHAPES}.", code="array-shape-invalid")
    if values.dtype.kind not in "buif":
        problem = f"is an array of type {values.dtype}"
        raise InkdigitError(f"{name} {problem}: numbers are needed.", code="array-type-invalid")
    return Image.fromarray(np.ascontiguousarray(_to_bytes(values, name)))


def _to_bytes(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.dtype == np.bool_:
        return values * np.uint8(255)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and (high >= 2 or values.dtype.kind != "f"):  # floats up to 1 are scaled below
        check_scale(values, name)
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16 and high > 255:
        return (values >> 8).astype(np.uint8)
    if not (low >= 0 and high <= 255):  # NaN fails both comparisons
        problem = "is not a number" if np.isnan(low) else f"is outside of 0 to {'1 or 0 to ' * (high < 2)}255"
        worst = low if low < 0 or np.isnan(low) else high
        raise InkdigitError(f"A pixel of {name}, {worst:g}, {problem}: scale it.", code="array-range-invalid")
    if values.dtype.kind != "f":
        return values.astype(np.uint8)
    if 1 < high < 2:
        advice = "pixels go from 0 to 1 or from 0 to 255, and this fits neither well: clip it, or give uint8"
        raise InkdigitError(f"The brightest pixel of {name} is {high:g}: {advice}.", code="array-range-invalid")
    return np.rint(values if high > 1 else values * 255).astype(np.uint8)
