"""Picture files with a seven, or with nothing on them."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw


def seven(size: tuple[int, int] = (200, 260), ink: int = 20, paper: int = 235) -> Image.Image:
    """A seven in grey, by default dark on light."""
    image = Image.new("L", size, paper)
    width, height = size
    corners = [(width * 0.2, height * 0.2), (width * 0.8, height * 0.2), (width * 0.4, height * 0.85)]
    ImageDraw.Draw(image).line(corners, fill=ink, width=max(1, width // 12), joint="curve")
    return image


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()
