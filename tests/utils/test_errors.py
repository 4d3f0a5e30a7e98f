from __future__ import annotations

import pickle

from inkdigit.errors import InkdigitError, NoInkError


def test_an_error_keeps_its_code_on_the_way_to_another_process() -> None:
    for kind in (InkdigitError, NoInkError):
        copy = pickle.loads(pickle.dumps(kind("No ink.", code="no-ink")))
        assert (type(copy), str(copy), copy.code) == (kind, "No ink.", "no-ink")
