"""The fonts of A. V. Hershey, "Calligraphy for computers" (1967): letters as strokes. They are in the public domain."""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib import resources

Glyph = list[list[tuple[int, int]]]  # strokes, each of corners x and y; capitals go from y = -12 down to 9


@cache
def fonts() -> dict[str, dict[str, Glyph]]:
    """The glyphs of each font, by its name and the character."""
    content = (resources.files("inkdigit.synth") / "hershey.json.gz").read_bytes()
    return json.loads(gzip.decompress(content))
