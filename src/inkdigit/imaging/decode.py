"""The bytes of a picture file -> grey pixels, whatever the file claims to be."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from inkdigit.errors import InkdigitError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
LARGEST = 50_000_000  # pixels; a telephone's picture has 12 to 48 million

# Pillow warns of bombs and of damaged metadata and goes on. Sizes are checked here; a user gets one sentence.
warnings.filterwarnings("ignore", module=r"PIL\.")


def decode(content: bytes, name: str) -> NDArray[np.uint8]:
    """Grey pixels (H, W) uint8 of a PNG, JPEG, GIF, BMP, TIFF, WebP or PNM file, upright as its EXIF data says.

    What is transparent becomes paper: light below dark ink, dark below light ink.
    name: what to call the picture in an error. Raises InkdigitError for anything that is no such picture, is
    damaged, has several frames, or has more than 50 million pixels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            problem = _problem(image)
            if not problem:
                ImageOps.exif_transpose(image, in_place=True)
                return _grey(image)
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise InkdigitError(f"{name} is not a picture of a kind that is read ({known}): convert it.") from error
    except Image.DecompressionBombError:
        problem = f"has more than {LARGEST:,} pixels: make it smaller"
    except Exception as error:
        # Pillow raises nearly anything for damaged bytes.
        raise InkdigitError(f"{name} is a damaged picture ({' '.join(str(error).split())}): save it again.") from error
    raise InkdigitError(f"{name} {problem}.")


def _problem(image: Image.Image) -> str | None:
    """What the header says against reading the pixels at all."""
    if image.width * image.height > LARGEST:
        return f"has {image.width} x {image.height} pixels, and at most {LARGEST:,} are read: make it smaller"
    # A telephone's JPEG may carry a second picture, of depths or for bright screens, beside the one to see.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        return "has several frames: save the one to read as a picture of its own"
    if image.mode in {"I", "F"}:
        return "has pixels of 32 bits: save it with 8 bits"
    return None


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I;16"):
        # Pillow's own conversion cuts off above 255.
        return (np.asarray(image) >> 8).astype(np.uint8)
    if not image.has_transparency_data:
        return np.asarray(image.convert("L"))
    image = image.convert("RGBA")
    grey, alpha = np.asarray(image.convert("L")), np.asarray(image.getchannel("A"))
    visible = grey[alpha > 127]
    if not visible.size:
        return np.zeros_like(grey)
    # Mostly opaque it is a page, and its median is paper; mostly transparent it is ink alone.
    page = 2 * visible.size > grey.size
    paper = 255 if (np.median(visible) > 127) == page else 0
    share = alpha / np.float32(255)
    return np.rint(grey * share + paper * (1 - share)).astype(np.uint8)
