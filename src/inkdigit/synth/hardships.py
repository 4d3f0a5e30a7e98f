"""Hardships, which make real pages hard to read: their names, how frequent each is, and which exclude each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from inkdigit.errors import InkdigitError

ALL = "all"  # a random mixture, as on real pages
FREQUENCY = {  # share of the pages of a mixture
    "uneven-light": 0.55,
    "hard-shadow": 0.1,
    "soft-shadow": 0.2,
    "camera-noise": 0.45,
    "blur": 0.25,
    "jpeg-artefacts": 0.45,
    "blue-ink": 0.35,
    "red-ink": 0.08,
    "pencil": 0.12,
    "coloured-paper": 0.25,
    "white-on-black": 0.05,
    "ruled-paper": 0.15,
    "squared-paper": 0.15,
    "dotted-paper": 0.05,
    "printed-boxes": 0.08,
    "patterned-paper": 0.07,
    "skewed-lines": 0.3,
    "sideways": 0.07,
    "perspective": 0.3,
    "mixed-sizes": 0.12,
    "thin-pen": 0.25,
    "thick-marker": 0.15,
    "broken-strokes": 0.12,
    "touching-digits": 0.25,
    "crossed-sevens": 0.25,
    "open-fours": 0.25,
    "near-border": 0.1,
    "signs": 0.25,
    "letters": 0.15,
    "smudges": 0.08,
    "show-through": 0.07,
    "blank-page": 0.02,
}
HARDSHIPS = tuple(FREQUENCY)
CAMERA_HARDSHIPS = frozenset({"uneven-light", "hard-shadow", "soft-shadow", "camera-noise", "blur", "perspective"})
EXCLUSIVE = (  # a page has at most one of each group
    ("white-on-black", "blue-ink", "red-ink", "pencil"),
    ("white-on-black", "coloured-paper"),
    ("white-on-black", "show-through"),
    ("ruled-paper", "squared-paper", "dotted-paper", "printed-boxes", "patterned-paper"),
    ("thin-pen", "thick-marker"),
)


def choose_hardships(names: Iterable[str], rng: np.random.Generator) -> frozenset[str]:
    """Names of hardships -> those that a page gets.

    Args:
        names: of HARDSHIPS; "all" adds a random mixture.
        rng: draws the mixture, and one of those that exclude each other.

    Raises:
        InkdigitError: `hardship-unknown`.
    """
    wanted = set(names)
    for name in sorted(wanted - {ALL, *HARDSHIPS}):
        raise InkdigitError(
            f"There is no hardship {name!r}: choose from {', '.join(HARDSHIPS)}, or {ALL}.", code="hardship-unknown"
        )
    if ALL in wanted:
        wanted |= {name for name, share in FREQUENCY.items() if rng.random() < share}
    for group in EXCLUSIVE:
        present = sorted(wanted.intersection(group))
        if len(present) > 1:
            wanted -= {*present} - {str(rng.choice(present))}
    return frozenset(wanted - {ALL})
