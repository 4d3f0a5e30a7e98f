"""What makes real pages hard to read: the names, how often each is met, and which exclude each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from inkdigit.errors import InkdigitError

ALL = "all"  # a random mixture, as pages have it
SHARE = {  # of the pages of a mixture
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
HARDSHIPS = tuple(SHARE)
CAMERA = frozenset({"uneven-light", "hard-shadow", "soft-shadow", "camera-noise", "blur", "perspective"})
EXCLUSIVE = (  # of each group a page has one at most
    ("white-on-black", "blue-ink", "red-ink", "pencil"),
    ("white-on-black", "coloured-paper"),
    ("white-on-black", "show-through"),
    ("ruled-paper", "squared-paper", "dotted-paper", "printed-boxes", "patterned-paper"),
    ("thin-pen", "thick-marker"),
)


def chosen(names: Iterable[str], rng: np.random.Generator) -> frozenset[str]:
    """The hardships that a page gets: those named, "all" a random mixture; of those that exclude each other, one.

    Raises InkdigitError for a name that is none.
    """
    wanted = set(names)
    for name in sorted(wanted - {ALL, *HARDSHIPS}):
        raise InkdigitError(f"{name!r} is no hardship of a page: choose from {', '.join(HARDSHIPS)}, or {ALL}.")
    if ALL in wanted:
        wanted |= {name for name, share in SHARE.items() if rng.random() < share}
    for group in EXCLUSIVE:
        present = sorted(wanted.intersection(group))
        if len(present) > 1:
            wanted -= {*present} - {str(rng.choice(present))}
    return frozenset(wanted - {ALL})
